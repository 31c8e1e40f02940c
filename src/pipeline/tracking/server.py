"""Asks the W&B server for a sign of life, without W&B's client: it waits minutes for a server that is not there."""

import base64
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from pipeline.errors import ResourceError
from pipeline.tracking import settings

TIMEOUT = 3.0  # seconds
VIEWER = "query Viewer { viewer { id entity username } }"


def check() -> None:
    """Return if the server answers and takes the key.

    Raises:
        ResourceError: what is wrong, in a few words; never the key.
    """
    key = settings.key()
    if not key:
        raise ResourceError("W&B has no key (set WANDB_API_KEY, or run: wandb login)")
    request = urllib.request.Request(  # noqa: S310 - the address is the user's own
        f"{settings.server()}/graphql",
        data=json.dumps({"query": VIEWER, "variables": {}}).encode(),
        headers={
            "Content-Type": "application/json",
        },
    )
    # Unredirected: no other server that this one names is to see the key.
    request.add_unredirected_header("Authorization", "Basic " + base64.b64encode(f"api:{key}".encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            answer.read()
    except urllib.error.HTTPError as error:
        reason = "refuses the key" if error.code in (401, 403) else "has failed"
        raise ResourceError(f"{_name()} {reason} (HTTP {error.code})") from None
    except TimeoutError:
        raise ResourceError(f"{_name()} does not answer") from None
    except urllib.error.URLError as error:
        timed_out = isinstance(error.reason, TimeoutError)
        reason = "does not answer" if timed_out else f"cannot be reached ({_reason(error)})"
        raise ResourceError(f"{_name()} {reason}") from None
    except OSError as error:
        raise ResourceError(f"{_name()} broke the connection off ({error.strerror or type(error).__name__})") from None


def _name() -> str:
    return f"W&B ({urlsplit(settings.server()).netloc.rpartition('@')[2]})"


def _reason(error: urllib.error.URLError) -> str:
    reason = error.reason
    return (reason.strerror or str(reason)) if isinstance(reason, OSError) else str(reason)
