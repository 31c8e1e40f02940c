"""A stand-in for the W&B server on loopback: the calls of its client, kept in memory, and faults to switch on."""

import gzip
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from tests.tools import free_ports

KEY = "0123456789abcdef0123456789abcdef01234567"


class Server:
    """Runs on a free port; `runs` and `artifacts` hold what arrived. `fault` is None, "hang", "500" or "401"."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.edges: list[tuple[str, str, str]] = []  # (run, "log" or "use", artifact)
        self.uploads: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.unknown: set[str] = set()
        self.refuse: set[str] = set()  # operations that fail
        self.keys: set[str] = set()
        self.fault: str | None = None
        self.lock = threading.Lock()
        self._stopped = threading.Event()
        self._http: ThreadingHTTPServer | None = None
        (self.port,) = free_ports(1)

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def stopped(self) -> bool:
        """Whether the server is down."""
        return self._stopped.is_set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What a user sets to mirror to this server."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": KEY, "WANDB_MODE": "online", "NO_PROXY": "127.0.0.1"}

    def start(self) -> None:
        """Listen, always on the same port."""
        handler = type("Bound", (_Handler,), {"state": self})
        self._stopped.clear()
        self._http = _Quiet(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from here on; what hangs is let go."""
        self._stopped.set()
        if self._http:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def hang(self) -> None:
        """Hold a request until the server stops."""
        self._stopped.wait(120)

    def run(self, name: str) -> dict[str, Any]:
        """The run with this id, made when first named."""
        return self.runs.setdefault(name, {"lines": {}, "arrived": {}, "state": "running", "upserts": []})

    def rows(self, name: str) -> list[dict[str, Any]]:
        """A run's history in the order of its offsets: a line sent again replaces itself, as W&B's server does it."""
        lines = self.runs[name]["lines"].get("wandb-history.jsonl", {})
        return [json.loads(lines[offset]) for offset in sorted(lines)]

    def summary(self, name: str) -> dict[str, Any]:
        """A run's summary."""
        lines = self.runs[name]["lines"].get("wandb-summary.json", {})
        return json.loads(lines[max(lines)]) if lines else {}

    def by_job(self) -> dict[str, list[str]]:
        """Ids of the runs by job type."""
        found: dict[str, list[str]] = {}
        for name, run in self.runs.items():
            found.setdefault(str(run.get("jobType")), []).append(name)
        return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        return  # clients are killed in these tests


class _Handler(BaseHTTPRequestHandler):
    state: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def do_GET(self) -> None:
        self._answer(200, {})

    def do_PUT(self) -> None:
        body = self._body()
        if not self._faulty():
            self.state.uploads[self.path] = body
            self._answer(200, {})

    def do_POST(self) -> None:
        body = self._body()
        if self._faulty():
            return
        stream = re.fullmatch(r"/files/([^/]+)/([^/]+)/([^/]+)/file_stream", self.path)
        with self.state.lock:
            answer = self._stream(stream[3], json.loads(body)) if stream else self._graphql(json.loads(body))
        self._answer(200, answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.keys.add(self.headers.get("Authorization", ""))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _faulty(self) -> bool:
        fault = self.state.fault
        if self.state.stopped:  # a connection from before: a server that died answers on none
            self.close_connection = True
            return True
        if fault == "hang":
            self.state.hang()
            self.close_connection = True
        elif fault:
            self._answer(int(fault), {"errors": [{"message": f"fault {fault}"}]})
        return bool(fault)

    def _answer(self, code: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        run = self.state.run(name)
        for file, chunk in (content.get("files") or {}).items():
            lines = run["lines"].setdefault(file, {})
            for index, line in enumerate(chunk["content"]):
                lines[chunk["offset"] + index] = line
                run["arrived"].setdefault((file, line), time.time())
        if content.get("complete"):
            run["exit_code"] = content.get("exitcode")
            run["state"] = "finished" if content.get("exitcode") == 0 else "failed"
        return {"exitcode": None, "limits": {}}

    def _graphql(self, content: dict[str, Any]) -> dict[str, Any]:
        query, variables = content["query"], content.get("variables") or {}
        name = (re.search(r"(?:query|mutation)\s+(\w+)", query) or [query, query])[1]
        self.state.calls.append(name)
        if name in self.state.refuse:
            return {"data": {}, "errors": [{"message": f"{name} is refused"}]}
        answer = getattr(self, f"_on_{_snake(name)}", None)
        if answer is None:
            self.state.unknown.add(name)
            return {"data": {}, "errors": [{"message": f"unknown operation {name}"}]}
        return {"data": answer(variables)}

    def _on_viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"viewer": {"id": "1", "entity": "team", "username": "user", "flags": "{}", "teams": {"edges": []}}}

    def _on_upsert_bucket(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.state.run(given["name"])
        run["upserts"].append(given)
        run.update({key: value for key, value in given.items() if value is not None})
        project = {"name": given.get("project"), "entity": {"name": given.get("entity") or "team"}}
        bucket = {
            "id": given["name"],
            "name": given["name"],
            "displayName": run.get("displayName"),
            "description": None,
            "config": None,
            "sweepName": None,
            "project": project,
            "historyLineCount": 0,
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": len(run["upserts"]) == 1}}

    def _on_create_run_files(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [self._upload(f"{given['run']}/{name}") for name in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def _on_server_features_query(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _on_artifact_type(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"artifact": None}}

    def _on_create_artifact(self, given: dict[str, Any]) -> dict[str, Any]:
        given = given["input"]
        name = f"{given.get('artifactCollectionName') or given['artifactCollectionNames'][0]}:{given['digest']}"
        found = self.state.artifacts.setdefault(name, {"id": name, "state": "PENDING", "aliases": set(), "uploads": []})
        found["type"] = given["artifactTypeName"]
        found["aliases"] |= {alias["alias"] for alias in given.get("aliases") or []}
        self.state.edges.append((given["runName"], "log", name))
        artifact = {"id": name, "state": found["state"], "artifactSequence": {"id": "s", "latestArtifact": None}}
        return {"createArtifact": {"artifact": artifact}}

    def _on_create_artifact_manifest(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"manifest/{given['artifactID']}"
        return {
            "createArtifactManifest": {"artifactManifest": {"id": name, "file": {"id": name, **self._upload(name)}}}
        }

    def _on_update_artifact_manifest(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["artifactManifestID"]
        return {
            "updateArtifactManifest": {"artifactManifest": {"id": name, "file": {"id": name, **self._upload(name)}}}
        }

    def _on_create_artifact_files(self, given: dict[str, Any]) -> dict[str, Any]:
        nodes = []
        for spec in given["input"]["artifactFiles"]:
            self.state.artifacts[spec["artifactID"]]["uploads"].append(spec["name"])
            place = f"artifact/{spec['artifactID']}/{spec['name']}"
            more = {"storagePath": place, "uploadMultipartUrls": None, "artifact": {"id": spec["artifactID"]}}
            nodes.append({"node": {"id": place, **self._upload(place), **more, "name": spec["name"]}})
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def _on_commit_artifact(self, given: dict[str, Any]) -> dict[str, Any]:
        artifact = self.state.artifacts[given["artifactID"]]
        artifact["state"] = "COMMITTED"
        return {
            "commitArtifact": {"artifact": {"id": given["artifactID"], "digest": given["artifactID"].split(":")[1]}}
        }

    def _on_artifact_by_id(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self.state.artifacts[given["id"]]
        collection, digest = given["id"].split(":")
        project = {"id": "p", "internalId": "p", "name": "shapes", "entity": {"name": "team"}}
        sequence = {"__typename": "ArtifactSequence", "name": collection, "project": project}
        of = {"__typename": "ArtifactPortfolio", "name": collection, "project": project}
        aliases = [
            {"__typename": "ArtifactAlias", "id": alias, "alias": alias, "artifactCollection": of}
            for alias in sorted(found["aliases"])
        ]
        return {
            "artifact": {
                "__typename": "Artifact",
                "id": given["id"],
                "artifactSequence": sequence,
                "versionIndex": 0,
                "artifactType": {"name": found["type"]},
                "description": None,
                "metadata": None,
                "ttlDurationSeconds": -2,
                "ttlIsInherited": True,
                "tags": [],
                "historyStep": None,
                "state": found["state"],
                "size": 1,
                "digest": digest,
                "digestAlgorithm": None,
                "commitHash": "c",
                "fileCount": 1,
                "createdAt": "2024-01-01T00:00:00Z",
                "updatedAt": None,
                "aliases": aliases,
            }
        }

    def _on_use_artifact(self, given: dict[str, Any]) -> dict[str, Any]:
        self.state.edges.append((given["input"]["runName"], "use", given["input"]["artifactID"]))
        return {"useArtifact": {"artifact": {"id": given["input"]["artifactID"]}}}

    def _upload(self, name: str) -> dict[str, Any]:
        address = f"{self.state.url}/upload/{quote(name)}"
        return {"name": name.split("/", 1)[1], "displayName": name, "uploadUrl": address, "uploadHeaders": []}
