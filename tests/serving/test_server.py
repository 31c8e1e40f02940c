"""The service as a process: what it answers over HTTP, whom it refuses, how it ends, and how it takes a new package."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, environment
from tests.serving import packages
from tests.serving.conftest import Running
from tests.serving.packages import ROW

pytestmark = pytest.mark.slow


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds that the service does in its own time."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.05)


def test_it_answers_and_names_the_request(server: Running) -> None:
    status, said, headers = server.ask("/predict", ROW)
    assert status == 200 and said["prediction"] in ("leaves", "stays") and headers["x-request-id"]
    assert server.ask("/predict", ROW, X_Request_Id="mine-1")[2]["x-request-id"] == "mine-1"
    assert server.ask("/predict", ROW, X_Request_Id="a b\tc")[2]["x-request-id"] != "a b\tc"


def test_probes_metadata_and_documents(server: Running, table_folder: Path) -> None:
    assert [server.ask(path)[0] for path in ("/health", "/ready", "/ping")] == [200] * 3
    found = server.ask("/metadata")[1]
    assert found["schema"]["target"] == "churn" and found["card"].startswith("# people")
    assert set(found["sha256"]) >= {"model.onnx", "schema.json"}
    assert server.ask("/openapi.json")[1]["openapi"] == "3.1.0"
    status, page, headers = server.ask("/")
    assert status == 200 and "default-src 'none'" in headers["content-security-policy"]
    assert "//" not in page.replace("http://ADDRESS", "").replace("<!doctype", ""), "the page loads something"
    assert "<h1>people &lt;b&gt;</h1>" in page


@pytest.mark.parametrize(
    ("path", "content", "headers", "expected"),
    [
        ("/predict", ROW | {"age": None}, {}, (422, "gap")),
        ("/predict", b"{", {}, (400, "not_json")),
        ("/predict", ROW, {"Content_Type": "text/csv"}, (415, "content_type")),
        ("/predict", ROW, {"Content_Type": "application/json; charset=latin-1"}, (415, "content_type")),
        ("/predict", ROW, {"Content_Encoding": "gzip"}, (415, "content_type")),
        ("/predict", b" " * (9 * 2**20), {}, (413, "too_large")),
        ("/predict", [ROW] * 10_001, {}, (413, "too_many_rows")),
        ("/predict", None, {}, (405, "method")),
        ("/nowhere", None, {}, (404, "not_found")),
        ("/invocations", {"instances": [ROW | {"age": 1e300}]}, {}, (422, "range")),
    ],
)
def test_what_it_refuses(server: Running, path: str, content: object, headers: dict, expected: tuple) -> None:
    before = server.metric(f'serving_refusals_total{{reason="{expected[1]}"}}')
    status, said, sent = server.ask(path, content, **headers)
    assert (status, said["faults"][0]["reason"]) == expected
    assert said["message"] and said["error_code"] == "BAD_REQUEST" and said["request_id"] == sent["x-request-id"]
    assert server.metric(f'serving_refusals_total{{reason="{expected[1]}"}}') == before + 1


def test_a_body_without_a_length_is_bounded_too(server: Running) -> None:
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=30)
    connection.request("POST", "/predict", iter([b" " * 2**20] * 9), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 413


def test_unseen_cells_are_told_to_mlflow_clients_in_a_header(server: Running) -> None:
    before = server.metric('serving_unseen_cells_total{column="city"')
    status, _, headers = server.ask("/invocations", {"instances": [ROW | {"city": "Mars"}]})
    assert status == 200 and headers["x-unseen"] == "city=1"
    assert server.metric('serving_unseen_cells_total{column="city"') == before + 1


def test_large_bodies_and_arrow_are_answered(server: Running) -> None:
    import pyarrow as pa

    rows = [ROW | {"age": 18 + place % 60} for place in range(5_000)]
    said = server.ask("/predict", rows)[1]["predictions"]
    table = pa.table({name: [row[name] for row in rows] for name in ROW})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    body = sink.getvalue().to_pybytes()
    kind = "application/vnd.apache.arrow.stream"
    status, of_arrow, _ = server.ask("/predict", body, Content_Type=kind)
    assert status == 200 and of_arrow["prediction"] == [row["prediction"] for row in said]
    assert server.ask("/predict", body[:100], Content_Type=kind)[0] == 422


def test_its_log_holds_no_payload(table_folder: Path) -> None:
    running = Running(table_folder, "--access-log")
    running.ask("/predict", ROW | {"city": "secret-city"})
    running.ask("/predict", ROW | {"city": 1234567})
    running.process.send_signal(signal.SIGTERM)
    lines = running.process.communicate(timeout=60)[1].splitlines()
    events = [json.loads(line) for line in lines]
    assert [one["status"] for one in events if one["event"] == "request"] == [200, 422]
    assert not any("secret" in line or "1234567" in line for line in lines)


def test_a_token_is_asked_of_all_but_probes(table_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc123\n")
    running = Running(table_folder, "--token-file", str(tmp_path / "token"))
    assert running.ask("/health")[0] == 200
    for path, content in (("/predict", ROW), ("/metrics", None), ("/", None), ("/nowhere", None)):
        status, _, headers = running.ask(path, content)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert running.ask(path, content, Authorization="Bearer abc124")[0] == 401
    assert running.ask("/predict", ROW, Authorization="Bearer abc123")[0] == 200
    running.end()
    running = Running(table_folder, PIPELINE_SERVE_TOKEN="other")
    assert running.ask("/predict", ROW, Authorization="Bearer other")[0] == 200
    assert running.end() == 0


def test_tls(table_folder: Path, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout {key} -out {cert} "
        "-addext subjectAltName=IP:127.0.0.1",
        shell=True,
        check=True,
        capture_output=True,
    )
    running = Running(table_folder, "--tls-cert", str(cert), "--tls-key", str(key))
    trusted = ssl.create_default_context(cafile=str(cert))
    with urllib.request.urlopen(running.address + "/health", context=trusted, timeout=30) as answer:
        assert running.address.startswith("https://") and answer.status == 200
    assert running.end() == 0


def test_sigterm_answers_what_is_in_flight_and_refuses_what_is_new(table_folder: Path) -> None:
    running = Running(table_folder)
    host, port = running.address.removeprefix("http://").split(":")
    body = json.dumps(ROW).encode()
    with socket.create_connection((host, int(port)), timeout=30) as half:
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        half.sendall(head.encode() + b"\r\n\r\n" + body[:10])
        until(lambda: running.metric("serving_waiting") == 2)  # that one, and the question
        running.process.send_signal(signal.SIGTERM)
        running.event("ending")
        until(lambda: not listens(host, int(port)))
        half.sendall(body[10:])
        assert half.recv(65536).startswith(b"HTTP/1.1 200")
    assert running.end() == 0


def listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_more_than_may_wait_are_told_when_to_come_again(table_folder: Path) -> None:
    running = Running(table_folder, "--max-waiting", "2")
    host, port = running.address.removeprefix("http://").split(":")
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"
    halves = [socket.create_connection((host, int(port)), timeout=30) for _ in range(2)]
    for half in halves:
        half.sendall(head)
    until(lambda: running.ask("/predict", ROW)[0] == 503)
    status, said, headers = running.ask("/predict", ROW)
    assert (status, said["faults"][0]["reason"], headers["retry-after"]) == (503, "busy", "1")
    assert running.ask("/health")[0] == 200
    for half in halves:
        half.close()
    until(lambda: running.ask("/predict", ROW)[0] == 200)
    assert running.end() == 0


def test_a_body_that_never_ends_is_not_waited_for(table_folder: Path) -> None:
    running = Running(table_folder, "--timeout", "0.5")
    host, port = running.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as slow:
        slow.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"
        )
        assert slow.recv(65536).startswith(b"HTTP/1.1 408")
    assert running.end() == 0


def test_a_new_package_takes_over_between_two_requests_and_a_broken_one_never(tmp_path: Path) -> None:
    folder = packages.table(tmp_path / "package")
    other = packages.table(tmp_path / "other", seed=1)
    running = Running(folder)
    versions, statuses, done = set(), set(), threading.Event()

    def ask_on() -> None:
        while not done.is_set():
            status, said, _ = running.ask("/predict", ROW)
            statuses.add(status)
            versions.add(said["version"])

    asking = threading.Thread(target=ask_on)
    asking.start()
    before = running.ask("/predict", ROW)[1]["version"]

    (folder / "model.onnx").write_bytes(b"broken")
    running.process.send_signal(signal.SIGHUP)
    assert "model.onnx is another" in running.event("reload refused")["why"]
    packages.seal(folder)  # the sums fit, and the graph is none
    running.process.send_signal(signal.SIGHUP)
    assert "onnxruntime" in running.event("reload refused")["why"]
    assert running.ask("/predict", ROW)[1]["version"] == before

    shutil.rmtree(folder)
    other.rename(folder)
    running.process.send_signal(signal.SIGHUP)
    after = running.event("reloaded")["version"]
    assert running.ask("/predict", ROW)[1]["version"] == after != before
    done.set()
    asking.join()
    assert statuses == {200} and versions <= {before, after}
    assert running.metric(f'serving_model{{version="{after}"}}') == 1
    assert running.metric(f'serving_model{{version="{before}"}}') == 0
    assert running.end() == 0


def test_it_looks_for_a_new_package_itself(tmp_path: Path) -> None:
    folder = packages.table(tmp_path / "package")
    running = Running(folder, "--watch", "0.1")
    shutil.copytree(packages.table(tmp_path / "other", seed=1), folder, dirs_exist_ok=True)
    assert running.event("reloaded")["before"] != running.ask("/predict", ROW)[1]["version"]
    assert running.end() == 0


def test_rows_and_answers_are_sampled_with_those_of_a_shadow(table_folder: Path, tmp_path: Path) -> None:
    other = packages.table(tmp_path / "other", seed=1)
    sample = tmp_path / "sample"
    running = Running(table_folder, "--sample", str(sample), "--shadow", str(other))
    said = running.ask("/predict", [ROW | {"request_id": "mine"}, ROW | {"age": 70}], X_Request_Id="abc")[1]
    assert running.end() == 0
    first, second = map(json.loads, (sample / "rows-0.jsonl").read_text().splitlines())
    assert (first["key"], second["key"], first["request_id"]) == ("mine", "abc/2", "abc")
    assert [first["prediction"], second["prediction"]] == [row["prediction"] for row in said["predictions"]]
    assert first["row"] == ROW and second["row"] == ROW | {"age": 70.0}
    assert first["shadow"]["version"] != first["version"] == said["version"]
    assert set(first["shadow"]["probabilities"]) == {"leaves", "stays"}
    assert (sample / "rows-0.jsonl").stat().st_mode & 0o077 == 0


def test_samples_are_rotated_and_bounded(table_folder: Path, tmp_path: Path) -> None:
    running = Running(table_folder, "--sample", str(tmp_path), "--sample-bytes", "40000")
    for _ in range(30):
        running.ask("/predict", [ROW] * 20)
    running.end()
    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["rows-0.1.jsonl", "rows-0.2.jsonl", "rows-0.3.jsonl", "rows-0.jsonl"]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 40_000
    assert all(json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines())


def test_workers_share_the_work_the_sums_and_the_signals(tmp_path: Path) -> None:
    folder = packages.table(tmp_path / "package")
    running = Running(folder, "--workers", "2")
    running.event("serving")
    for _ in range(40):
        assert running.ask("/predict", ROW)[0] == 200
    assert running.metric("serving_rows_total") == 40
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    assert len(children) == 2
    shutil.copytree(packages.table(tmp_path / "other", seed=1), folder, dirs_exist_ok=True)
    running.process.send_signal(signal.SIGHUP)
    new = {running.event("reloaded")["version"] for _ in range(2)}
    assert {running.ask("/predict", ROW)[1]["version"] for _ in range(20)} == new
    assert running.end() == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def refused(*arguments: str, **env: str) -> tuple[int, str]:
    """Exit code and message of a service that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.serving", *arguments],
        env=environment() | {"PYTHONPATH": str(ROOT / "src")} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert len(done.stderr.splitlines()) <= 2 and "defect" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def test_it_does_not_start_on_what_it_cannot_serve(table_folder: Path, array_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    shutil.copytree(table_folder, folder)
    (folder / "model.onnx").write_bytes(b"x")
    code, said = refused(str(folder))
    assert code == 1 and "model.onnx is another" in said
    assert refused(str(tmp_path / "nothing"))[0] == 2
    assert refused(str(folder), "--workers", "2")[0] == 1
    assert refused(str(table_folder), "--nonsense")[0] == 2
    assert refused(str(table_folder), "--max-rows", "0")[0] == 2
    assert refused(str(table_folder), "--shadow", str(table_folder))[0] == 2
    assert refused(str(table_folder), "--sample", str(tmp_path), "--shadow", str(array_folder))[0] == 2
    assert refused(str(table_folder), "--tls-cert", "a")[0] == 2
    assert refused(str(table_folder), PIPELINE_SERVE_TOKEN="a b")[0] == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = refused(str(table_folder), "--port", str(taken.getsockname()[1]))
    assert code == 3 and "--port" in said


def test_it_runs_in_an_environment_of_its_own_lock(table_folder: Path, serving_python: Path) -> None:
    """It answers, is small, and needs nothing that its lock does not have."""
    running = Running(table_folder, python=str(serving_python))
    assert running.ask("/predict", ROW)[0] == 200
    assert running.ask("/predict", b"x", Content_Type="application/vnd.apache.arrow.stream")[0] == 415
    memory = Path(f"/proc/{running.process.pid}/status").read_text().partition("VmRSS:")[2].split()[0]
    assert int(memory) < 85_000, "more than 83 MiB"
    assert running.end() == 0


def test_it_imports_nothing_of_what_trains(table_folder: Path) -> None:
    """Also the package is read without: quickly seen by what is imported when a service stands."""
    code = (
        "import sys; from pathlib import Path; from pipeline.serving import server, workers; "
        "from pipeline.serving.service import Service; from pipeline.serving.settings import Settings; "
        f"Service(Settings(Path({str(table_folder)!r}))); "
        "heavy = {'pandas', 'pyarrow', 'mlflow', 'pydantic', 'sklearn', 'dvc', 'onnx', 'yaml', 'typer'}; "
        "print(*heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == ""
