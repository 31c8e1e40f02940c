"""A stand-in for GitHub's REST interface on loopback, as strict as GitHub where it matters to the comment.

It wants the token, holds comments to 65,536 characters, pages lists, sends an artifact's download elsewhere and fails
it if the token is sent there. It keeps everything in memory, so a test looks at `comments` afterwards.
"""

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_" + "s3cr3t" * 6
BOT = {"login": "github-actions[bot]", "type": "Bot"}
HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
OLD, FORK = "1" * 40, "2" * 40


class GitHub:
    """The state of one repository, and the server in front of it."""

    repository = "team/models"

    def __init__(self) -> None:
        self.pulls: dict[int, dict[str, Any]] = {}
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.main = [OLD, FORK, BASE]  # the default branch's commits, the oldest first
        self.fork = FORK  # where the pull requests leave it
        self.jobs: list[dict[str, Any]] = []
        self.artifacts: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.faults: list[int] = []  # statuses with which the next requests fail
        self.cuts: dict[str, int] = {}  # how many of the next answers to paths that begin so break off halfway
        self.url = ""
        self.merged: dict[str, list[str]] = {}  # labels of the merged pull request that a commit is of
        self.dispatched: list[tuple[str, str]] = []  # workflow and ref

    def open_pull(self, number: int, head: str = HEAD, fork: bool = False, branch: str = "better") -> None:
        """Open a pull request from a branch of the repository or of a fork."""
        owner, identity = ("stranger", 2) if fork else ("team", 1)
        self.pulls[number] = {
            "number": number,
            "state": "open",
            "head": {"sha": head, "label": f"{owner}:{branch}", "repo": {"id": identity}},
            "base": {"sha": BASE, "ref": "main", "repo": {"id": 1}},
        }

    def add_comment(self, number: int, body: str, user: dict[str, str]) -> dict[str, Any]:
        """Add a comment to a pull request, as `user`."""
        identity = 1000 + sum(map(len, self.comments.values()))
        comment = {"id": identity, "user": user, "body": body}
        self.comments.setdefault(number, []).append(comment)
        return comment

    def bot_comments(self, number: int) -> list[str]:
        """The bodies of the bot's comments on a pull request."""
        return [c["body"] for c in self.comments.get(number, []) if c["user"] == BOT]

    def event(self, conclusion: str = "success", number: int = 7, attempt: int = 1, **changes: Any) -> dict[str, Any]:
        """The `workflow_run` event of a CI run that has ended."""
        run = {
            "id": 500 + number,
            "name": "ci",
            "path": ".github/workflows/ci.yml",
            "event": "pull_request",
            "run_number": number,
            "run_attempt": attempt,
            "conclusion": conclusion,
            "head_sha": HEAD,
            "head_branch": "better",
            "head_repository": {"id": 1, "owner": {"login": "team"}},
            "html_url": f"https://github.com/{self.repository}/actions/runs/{500 + number}",
        }
        return {
            "action": "completed",
            "workflow_run": run | changes,
            "repository": {"full_name": self.repository, "default_branch": "main"},
        }


def archive(files: dict[str, str | bytes]) -> bytes:
    """A zip file of these files, as upload-artifact packs them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return buffer.getvalue()


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """Serve the repository on a free port of loopback while the block runs."""

    class Handler(_Handler):
        state = github

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: GitHub

    def _handle(self) -> None:
        url = urlsplit(self.path)
        path, query = url.path, {k: v[0] for k, v in parse_qs(url.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.requests.append(f"{self.command} {path}")
        if stored := re.fullmatch(r"/storage/(.+)", path):
            if self.headers.get("Authorization"):
                return self._answer(400, {"message": "the token was sent to the storage server"})
            return self._answer(200, self.state.artifacts[stored[1]])
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(401, {"message": "Bad credentials"})
        if self.state.faults:
            return self._answer(self.state.faults.pop(0), {"message": "fault"})
        prefix = f"/repos/{self.state.repository}"
        if not path.startswith(prefix):
            return self._answer(404, {"message": "Not Found"})
        return self._route(path.removeprefix(prefix), query, body)

    do_GET = do_POST = do_PATCH = _handle  # noqa: N815 - http.server's names

    def _route(self, path: str, query: dict[str, str], body: bytes) -> None:
        state = self.state
        match self.command, path.strip("/").split("/"):
            case "GET", ["pulls"]:
                found = [
                    p for p in state.pulls.values() if p["head"]["label"] == query["head"] and p["state"] == "open"
                ]
                self._page(found, query)
            case "GET", ["actions", "runs", _, "artifacts"]:
                names = [name for name in state.artifacts if query.get("name") in (None, name)]
                items = [{"id": list(state.artifacts).index(name), "name": name, "expired": False} for name in names]
                for item in items:
                    item["size_in_bytes"] = len(state.artifacts[item["name"]])
                self._page(items, query, key="artifacts")
            case "GET", ["actions", "artifacts", identity, "zip"]:
                self.send_response(302)
                self.send_header("Location", f"{state.url}/storage/{list(state.artifacts)[int(identity)]}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "GET", ["actions", "runs", _, "attempts", _, "jobs"]:
                self._page(state.jobs, query, key="jobs")
            case "GET", ["commits", commit, "pulls"]:
                labels = [{"name": name} for name in state.merged.get(commit, [])]
                pull = {"number": 3, "merged_at": "2026-01-02T03:04:05Z", "merge_commit_sha": commit, "labels": labels}
                self._page([pull] if commit in state.merged else [], query)
            case "POST", ["actions", "workflows", workflow, "dispatches"]:
                state.dispatched.append((workflow, json.loads(body)["ref"]))
                self._answer(204, b"")
            case "GET", ["compare", span]:
                self._compare(*span.split("..."))
            case "GET", ["issues", number, "comments"]:
                self._page(state.comments.get(int(number), []), query)
            case "POST", ["issues", number, "comments"] if int(number) in state.pulls:
                if self._takes(text := json.loads(body)["body"]):
                    self._answer(201, state.add_comment(int(number), text, BOT))
            case "PATCH", ["issues", "comments", identity]:
                found = [c for cs in state.comments.values() for c in cs if c["id"] == int(identity)]
                if not found or found[0]["user"] != BOT:
                    self._answer(403, {"message": "Resource not accessible by integration"})
                elif self._takes(text := json.loads(body)["body"]):
                    found[0]["body"] = text
                    self._answer(200, found[0])
            case _:
                self._answer(404, {"message": "Not Found"})

    def _compare(self, base: str, head: str) -> None:
        main = self.state.main
        base, head = (main[-1] if name == "main" else name for name in (base, head))
        if OTHER in (base, head):
            return self._answer(404, {"message": "Not Found"})
        if base in main and head in main:
            steps = main.index(head) - main.index(base)
            status = "ahead" if steps > 0 else "behind" if steps else "identical"
            fork = min(base, head, key=main.index)
            return self._answer(200, {"status": status, "merge_base_commit": {"sha": fork}})
        return self._answer(200, {"status": "diverged", "merge_base_commit": {"sha": self.state.fork}})

    def _takes(self, text: str) -> bool:
        if 0 < len(text.encode("utf-16-le")) // 2 <= 65_536:
            return True
        self._answer(422, {"message": "Body is too long (maximum is 65536 characters)"})
        return False

    def _page(self, items: list[Any], query: dict[str, str], key: str | None = None) -> None:
        size, page = min(100, int(query.get("per_page", 30))), int(query.get("page", 1))
        part = items[(page - 1) * size : page * size]
        more = {"Link": f'<{self.state.url}/x?page={page + 1}>; rel="next"'} if page * size < len(items) else {}
        self._answer(200, {"total_count": len(items), key: part} if key else part, more)

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = next((start for start, left in self.state.cuts.items() if left and self.path.startswith(start)), None)
        if cut:
            self.state.cuts[cut] -= 1
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Keep the test's output quiet."""
