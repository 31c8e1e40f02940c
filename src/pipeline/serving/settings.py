"""What the service is told on its command line, and by the environment: its token."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pipeline.errors import InputError

TOKEN = "PIPELINE_SERVE_TOKEN"  # noqa: S105 - the variable's name; an argument would be seen in `ps`


@dataclass(frozen=True)
class Settings:
    """All of it, checked."""

    package: Path = Path("models/package")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_bytes: int = 8 * 2**20
    max_rows: int = 10_000
    max_waiting: int = 256
    timeout: float = 30.0
    key: str = "request_id"
    token: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    sample: Path | None = None
    sample_bytes: int = 256 * 2**20
    shadow: Path | None = None
    watch: float | None = None
    access_log: bool = False
    socket: int | None = None  # of a worker: the parent's socket, inherited
    worker: int = 0  # its number


def parse(arguments: list[str] | None = None) -> Settings:
    """Read the command line.

    Raises:
        InputError: an argument is wrong.
    """
    found = vars(_parser().parse_args(arguments))
    token_file = found.pop("token_file")
    found["token"] = _token(token_file)
    for option in ("port", "socket", "worker"):
        if found[option] is not None and found[option] < 0:
            raise InputError(f"--{option} {found[option]}: must not be below 0")
    for option in ("workers", "max_bytes", "max_rows", "max_waiting", "timeout", "sample_bytes", "watch"):
        if found[option] is not None and found[option] <= 0:
            raise InputError(f"--{option.replace('_', '-')} {found[option]:g}: must be above 0")
    if (found["tls_cert"] is None) != (found["tls_key"] is None):
        raise InputError("--tls-cert and --tls-key go together")
    if found["shadow"] and not found["sample"]:
        raise InputError("--shadow needs --sample: that is where its answers are written, beside the first's")
    return Settings(**found)


def _token(file: Path | None) -> str | None:
    if file is None and not os.environ.get(TOKEN):
        return None
    text = os.environ[TOKEN] if file is None else file.read_text(encoding="utf-8")
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{file or TOKEN}: the token must be of visible ASCII characters, without a space")
    return token


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "pipeline serve", description="Answer rows over HTTP from a package. SIGTERM ends, SIGHUP loads it again."
    )
    default = Settings()
    add = parser.add_argument
    add("package", nargs="?", type=Path, default=default.package, help="the folder  [models/package]")
    add("--host", default=default.host, help="address to listen at  [127.0.0.1: this machine only]")
    add("--port", type=int, default=default.port, help="0 takes a free one, told in the log  [8000]")
    add("--workers", type=int, default=1, help="processes  [1]")
    add("--max-bytes", type=int, default=default.max_bytes, help="of a request's body  [8 MiB]")
    add("--max-rows", type=int, default=default.max_rows, help="of a request  [10000]")
    add("--max-waiting", type=int, default=default.max_waiting, help="requests at once; more get 503  [256]")
    add("--timeout", type=float, default=default.timeout, help="seconds for a body to arrive, and to end in  [30]")
    add("--key", default=default.key, help="field of a row that names it, as data.id does  [request_id]")
    add("--token-file", type=Path, help=f"file with the bearer token  [the variable {TOKEN}, else no token is asked]")
    add("--tls-cert", type=Path, help="certificate chain, PEM")
    add("--tls-key", type=Path, help="its key, PEM")
    add("--sample", type=Path, metavar="DIR", help="write rows and answers there, JSON lines, one file a worker")
    add("--sample-bytes", type=int, default=default.sample_bytes, help="of all files in it  [256 MiB]")
    add("--shadow", type=Path, metavar="OTHER", help="a second package; what it says is written, never answered")
    add("--watch", type=float, metavar="SECONDS", help="look so often for another package at the same place")
    add("--access-log", action="store_true", help="log every request, not only refusals")
    add("--socket", type=int, help=argparse.SUPPRESS)
    add("--worker", type=int, default=0, help=argparse.SUPPRESS)
    return parser
