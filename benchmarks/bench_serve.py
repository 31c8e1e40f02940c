"""What serving costs: CPU a request beside `mlflow models serve` and a service written by hand with FastAPI.

One worker each, the same package of 20 mixed columns, one row a request, all in one run, interleaved. CPU time is what
is steady on a busy machine. The bounds: 10 times less than MLflow at 8 and 64 connections, not more than FastAPI; no
request fails; a start in 1.5 s of CPU; 80 MiB; memory does not grow. `--seconds 60` for the long run.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv" / "bench"
CONNECTIONS = (8, 64)
REPEATS = 2


def package(folder: Path) -> dict[str, object]:
    """Write the package of 20 columns: 12 numbers, 3 booleans, 5 categories; a row to ask it with."""
    sys.path.insert(0, str(ROOT))
    from tests.serving.packages import write

    from pipeline.data.columns import Columns
    from pipeline.data.schema import Feature, Schema
    from pipeline.package.export import columns_to_onnx

    random, rows = np.random.default_rng(0), 2000
    cities = ("Berlin", "Bonn", "Hamburg", "Köln")
    features = [Feature(f"number_{i}", "number", minimum=-5.0, maximum=5.0) for i in range(12)]
    features += [Feature(f"boolean_{i}", "boolean", minimum=0.0, maximum=1.0) for i in range(3)]
    features += [Feature(f"category_{i}", "category", categories=cities) for i in range(5)]
    schema = Schema(tuple(features), "target", ("no", "yes"))
    table = pd.DataFrame(
        {f"number_{i}": random.normal(size=rows).astype(np.float32).astype(float) for i in range(12)}
        | {f"boolean_{i}": pd.array(random.integers(0, 2, rows).astype(bool), "boolean") for i in range(3)}
        | {f"category_{i}": random.choice(cities, rows) for i in range(5)}
    )
    target = np.where(
        table["number_0"] + (table["category_0"] == "Bonn") + random.normal(0, 0.5, rows) > 0, "yes", "no"
    )
    model = Pipeline([("columns", Columns(schema.features)), ("trees", HistGradientBoostingClassifier(max_iter=20))])
    row = {name: cell.item() if hasattr(cell, "item") else cell for name, cell in table.iloc[0].items()}
    write(folder, columns_to_onnx(model.fit(table, target), schema, "bench"), schema, row)
    return row


@dataclass
class Service:
    """A service that runs, in an environment of its own."""

    name: str
    command: list[str]
    env: dict[str, str]
    port: int
    path: str
    body: object

    def start(self) -> float:
        """Start it; CPU seconds until it answers."""
        self.started = subprocess.Popen(
            self.command, env={**os.environ, **self.env}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.process = psutil.Process(self.started.pid)
        began = time.perf_counter()
        while not self._answers():
            time.sleep(0.05)
        self.wall = time.perf_counter() - began
        return self.cpu()

    def cpu(self) -> float:
        """CPU seconds of the process and of its children."""
        return sum(sum(one.cpu_times()[:2]) for one in self.processes())

    def memory(self) -> float:
        """Resident MiB."""
        return sum(one.memory_info().rss for one in self.processes()) / 2**20

    def processes(self) -> list[psutil.Process]:
        """The process and its children."""
        return [self.process, *self.process.children(recursive=True)]

    def stop(self) -> None:
        """End it as a service manager does."""
        self.started.send_signal(signal.SIGTERM)
        self.started.wait(60)

    def _answers(self) -> bool:
        assert self.started.poll() is None, f"{self.name} ended"
        address = f"http://127.0.0.1:{self.port}{self.path}"
        request = urllib.request.Request(address, json.dumps(self.body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def load(service: Service, connections: int, seconds: float, folder: Path) -> tuple[float, float, int]:
    """CPU microseconds a request, requests a second, and how many failed, under wrk."""
    script = folder / "post.lua"
    body = json.dumps(service.body)
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{body}]==]\n'
    )
    address = f"http://127.0.0.1:{service.port}{service.path}"
    before = service.cpu()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "-s", str(script), address]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = service.cpu() - before
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", said)
    assert found, said
    failed = sum(map(int, re.findall(r"(?:connect|read|write|timeout|Non-2xx or 3xx responses:?) (\d+)", said)))
    requests = int(found[1])
    return 1e6 * used / max(requests, 1), requests / seconds, failed


def python(name: str, *requirements: str) -> str:
    """The Python of an environment with these packages, made once."""
    folder = ENVIRONMENTS / name
    done = folder / "requirements.txt"
    if not done.exists() or done.read_text(encoding="utf-8") != "\n".join(requirements):
        uv = [str(ROOT / ".venv/bin/uv"), "--system-certs"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", str(folder)], check=True)
        into = ["--python", str(folder / "bin/python"), *requirements]
        subprocess.run([*uv, "pip", "install", "--quiet", *into], check=True)
        done.write_text("\n".join(requirements), encoding="utf-8")
    return str(folder / "bin/python")


def services(folder: Path, row: dict[str, object]) -> list[Service]:
    """The three, each in its environment."""
    lock = ["--require-hashes", "-r", str(ROOT / "requirements-serving.lock")]
    ours = python("serving", *lock)
    versions = ["numpy==2.4.6", "onnxruntime==1.32.0"]
    fastapi = python("fastapi", "fastapi", "uvicorn", "uvloop", "httptools", *versions)
    mlflow = python("mlflow", "mlflow==3.17.2", "onnx==1.23.2", "onnxruntime==1.32.0", "pandas==3.1.1")
    split = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    command = [ours, "-m", "pipeline.serving", str(folder), "--port"]
    source = {"PYTHONPATH": str(ROOT / "src")}
    uvicorn = [fastapi, "-m", "uvicorn", "fastapi_service:app", "--no-access-log", "--port", "18403"]
    by_hand = {"PYTHONPATH": str(ROOT / "benchmarks"), "PACKAGE": str(folder)}
    models = [mlflow, "-m", "mlflow", "models", "serve", "-m", str(folder), "--env-manager", "local", "-w", "1"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{Path(mlflow).parent}:{os.environ['PATH']}"}
    return [
        Service("pipeline serve, /predict", [*command, "18401"], source, 18401, "/predict", row),
        Service("pipeline serve, /invocations", [*command, "18402"], source, 18402, "/invocations", split),
        Service("FastAPI by hand", uvicorn, by_hand, 18403, "/predict", row),
        Service("mlflow models serve", [*models, "-p", "18404"], quiet, 18404, "/invocations", split),
    ]


def main() -> None:
    """Print costs, ratios, and what of the bounds does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    seconds = parser.parse_args().seconds
    if not shutil.which("wrk"):
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        row = package(folder / "package")
        found = services(folder / "package", row)
        costs: dict[tuple[str, int], list[float]] = {}
        failures = []
        try:
            print(f"{'':<30} start, CPU s   wall s  MiB")
            for service in found:
                start = service.start()
                print(f"{service.name:<30} {start:12.2f} {service.wall:8.2f} {service.memory():4.0f}")
                if service.name.startswith("pipeline"):
                    failures += [f"{service.name}: start {start:.2f} s"] if start > 1.5 else []
                    failures += [f"{service.name}: {service.memory():.0f} MiB"] if service.memory() > 80 else []
            for _ in range(REPEATS):
                for connections in CONNECTIONS:
                    for service in found:
                        cost, rate, failed = load(service, connections, seconds, folder)
                        costs.setdefault((service.name, connections), []).append(cost)
                        told = f"{connections:3} connections {cost:8.0f} us {rate:8.0f}/s {failed} failed"
                        print(f"{service.name:<30} {told}", flush=True)
                        if failed and service.name.startswith("pipeline"):
                            failures.append(f"{service.name}: {failed} requests failed")
            before = found[0].memory()
            load(found[0], 64, 4 * seconds, folder)
            failures += ["memory grew"] if found[0].memory() > 1.05 * before else []
            print(f"{found[0].name}: {before:.1f} MiB before a longer load, {found[0].memory():.1f} after")
        finally:
            for service in found:
                if hasattr(service, "started"):
                    service.stop()
    for connections in CONNECTIONS:
        best = {service.name: min(costs[service.name, connections]) for service in found}
        ours, same, by_hand, mlflow = (best[service.name] for service in found)
        of_mlflow = f"MLflow / ours {mlflow / ours:.1f} (/invocations {mlflow / same:.1f})"
        print(f"{connections} connections: {of_mlflow}, FastAPI / ours {by_hand / ours:.1f}")
        failures += [f"only {mlflow / same:.1f} times less than MLflow"] if mlflow < 10 * same else []
        failures += [f"more than FastAPI: {ours:.0f} us, {by_hand:.0f} us"] if ours > by_hand else []
    sys.exit("\n".join(failures) or 0)


if __name__ == "__main__":
    main()
