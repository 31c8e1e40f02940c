"""The few calls of GitHub's REST interface that the comment needs, with the standard library."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from typing import Any

from pipeline.errors import ResourceError

TIMEOUT = 20.0  # seconds without an answer
ATTEMPTS = 3
MAX_PAGES = 100
MAX_ANSWER = 20_000_000  # bytes of one JSON answer


class GitHub:
    """One repository on GitHub. Every method raises ResourceError when it gets no answer or a refusal."""

    def __init__(self, api: str, repository: str, token: str) -> None:
        self._base = f"{api.rstrip('/')}/repos/{repository}"
        self._token = token

    @classmethod
    def from_environment(cls) -> "GitHub":
        """The repository and the token of the running workflow."""
        try:
            return cls(os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_TOKEN"])
        except KeyError as missing:
            raise ResourceError(f"{missing.args[0]} is not set; this runs in .github/workflows/comment.yml") from None

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON answer to a GET."""
        return self._get(path, query)[0]

    def pages(self, path: str, key: str | None = None, **query: str | int) -> Iterator[dict[str, Any]]:
        """The items of a list over all its pages; `key` names the list where the answer is an object."""
        for page in range(1, MAX_PAGES + 1):
            content, link = self._get(path, {**query, "per_page": 100, "page": page})
            yield from content[key] if key else content
            if 'rel="next"' not in link:
                return

    def download(self, path: str, limit: int) -> bytes:
        """At most `limit` + 1 bytes of a file."""
        return self._send("GET", path, limit + 1)[0]

    def post(self, path: str, content: dict[str, Any]) -> None:
        """Create something. Sent once: a lost answer must not make a second comment."""
        self._send("POST", path, 0, content=content, attempts=1)

    def patch(self, path: str, content: dict[str, Any]) -> None:
        """Change something."""
        self._send("PATCH", path, 0, content=content)

    def _get(self, path: str, query: dict[str, Any]) -> tuple[Any, str]:
        """The JSON answer to a GET, and where its next page is."""
        body, link = self._send("GET", path, MAX_ANSWER, query)
        try:
            return json.loads(body), link
        except ValueError:
            raise ResourceError(f"GitHub: GET {path} failed: no JSON; run this workflow again") from None

    def _send(
        self,
        method: str,
        path: str,
        limit: int,
        query: dict[str, Any] | None = None,
        content: dict[str, Any] | None = None,
        attempts: int = ATTEMPTS,
    ) -> tuple[bytes, str]:
        """At most `limit` bytes of the answer, and its Link. Read in here: an answer may also break off or stall."""
        url = self._base + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        request = urllib.request.Request(url, method=method, data=json.dumps(content).encode() if content else None)  # noqa: S310 - GitHub's own address
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "pipeline-comment")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        # Unredirected: an artifact's download leads to a storage server, which must not see the token.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        problem = ""
        for attempt in range(attempts):
            if attempt:
                time.sleep(2.0 ** (attempt - 1))
            try:
                answer: HTTPResponse
                with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                    body = answer.read(limit)
                    if len(body) == limit or not answer.length:  # of what was announced nothing is missing
                        return body, answer.headers.get("Link", "")
                    problem = f"the answer broke off {answer.length:,} bytes too early"
            except urllib.error.HTTPError as refusal:
                problem = f"HTTP {refusal.code}"
                if refusal.code < 500 and refusal.code != 429:
                    break
            except (OSError, HTTPException) as failure:
                problem = type(failure).__name__
        raise ResourceError(f"GitHub: {method} {path} failed: {problem}; run this workflow again")
