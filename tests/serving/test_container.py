"""The container: its file is sound, its steps give a service that answers, and what stands around it fits."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.conftest import ROOT, STARTED
from tests.serving.conftest import Running
from tests.serving.packages import ROW
from tests.tools import free_ports, needs

DEPLOY = ROOT / "deploy"
FILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
BASE = ROOT / ".venv" / "debian.tar"  # `make clean` removes it; Debian's mirror takes minutes


def test_the_dockerfile_is_clean() -> None:
    done = subprocess.run([needs("hadolint"), str(DEPLOY / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_it_runs_as_nobody_and_without_a_shell() -> None:
    last = FILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.M) and "\nRUN " not in last
    assert all(isinstance(json.loads(command), list) for command in re.findall(r"(?:ENTRYPOINT|CMD) (.*)", last))


def site(folder: Path, python: Path) -> Path:
    """What the builder's steps put at /site."""
    library = subprocess.run(
        [str(python), "-c", "import site; print(site.getsitepackages()[0])"], capture_output=True, text=True, check=True
    )
    shutil.copytree(library.stdout.strip(), folder)
    [prune] = re.findall(r"(find /site .*? \+)", FILE)
    subprocess.run(["sh", "-c", prune.replace("/site", str(folder))], check=True)
    for line in re.findall(r"^COPY (src/.*)$", FILE, re.M):
        *sources, target = line.split()
        into = folder / target.removeprefix("/site/")
        into.mkdir(parents=True, exist_ok=True)
        for source in sources:
            if source.endswith("/"):
                shutil.copytree(ROOT / source, into, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, into)
    return folder


@pytest.mark.slow
def test_its_steps_give_a_service(tmp_path: Path, table_folder: Path, serving_python: Path) -> None:
    """The files that it copies are enough, and what it deletes is not needed."""
    place = site(tmp_path / "site", serving_python)
    [port] = free_ports(1)
    [_, *command] = json.loads(re.findall(r"^ENTRYPOINT (.*)$", FILE, re.M)[0])
    arguments = [str(table_folder) if part == "/package" else part for part in command]
    # -S: nothing of the environment's own packages, only /site
    process = subprocess.Popen(
        [str(serving_python), "-S", *arguments, "--port", str(port)],
        env={"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    assert process.stderr and json.loads(process.stderr.readline())["event"] == "serving"
    assert predict(port)["prediction"] in ("leaves", "stays")
    [health] = re.findall(r"HEALTHCHECK .*CMD (\[.*\])", FILE)
    check = [str(serving_python), *json.loads(health.replace(":8000", f":{port}"))[1:]]
    assert subprocess.run(check).returncode == 0
    process.terminate()
    assert process.wait(30) == 0
    process.stderr.close()
    assert subprocess.run(check, capture_output=True).returncode != 0
    assert sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) < 160e6


def predict(port: int) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict", json.dumps(ROW).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        said: dict[str, Any] = json.load(answer)
        return said


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.geteuid() != 0, reason="without a Docker engine only root builds a container")
def test_it_builds_and_runs(tmp_path: Path, table_folder: Path) -> None:
    """By buildah, on a Debian of its own in the place of the images of Docker Hub and Google."""
    if not BASE.exists():
        made = BASE.with_suffix(".unfinished.tar")
        packages = "--include=python3,python3-pip,ca-certificates"
        subprocess.run([needs("mmdebstrap"), "-q", "--variant=minbase", packages, "bookworm", str(made)], check=True)
        made.rename(BASE)
    buildah = [needs("buildah"), "--storage-driver", "vfs", "--root", str(tmp_path / "root")]
    buildah += ["--runroot", str(tmp_path / "run")]

    def run(*command: str) -> str:
        done = subprocess.run([*buildah, *command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip()

    base = run("from", "scratch")
    run("add", "-q", base, str(BASE), "/")
    run("commit", "-q", base, "localhost/base")
    certificates = ["-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    (tmp_path / "pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    arguments = ["--build-arg", "BUILDER=localhost/base", "--build-arg", "BASE=localhost/base"]
    arguments += ["--build-arg", "REVISION=abc", "--build-arg", "VERSION=v1", "--isolation", "chroot", "-q"]
    arguments += ["--format", "docker", *certificates, "-v", f"{tmp_path / 'pip.conf'}:/etc/pip.conf:ro"]
    run("bud", *arguments, "-f", "deploy/Dockerfile", "-t", "localhost/serving", ".")
    facts = json.loads(run("inspect", "--type", "image", "localhost/serving"))["Docker"]["config"]
    assert facts["Labels"]["org.opencontainers.image.revision"] == "abc"
    assert facts["Labels"]["org.opencontainers.image.version"] == "v1"
    assert facts["User"] == "65532:65532" and facts["Healthcheck"]["Test"][0] == "CMD"

    box = run("from", "localhost/serving")
    [port] = free_ports(1)
    package = tmp_path / "package"
    shutil.copytree(table_folder, package)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    command = [*buildah, "run", "--isolation", "chroot", "-v", f"{package}:/package:ro", box, "--"]
    process = subprocess.Popen([*command, *facts["Entrypoint"], "--port", str(port)], stderr=subprocess.PIPE, text=True)
    STARTED.append(process)
    assert process.stderr and json.loads(process.stderr.readline())["event"] == "serving"
    assert predict(port)["version"]
    psutil.Process(process.pid).children(recursive=True)[-1].terminate()
    assert process.wait(30) == 0
    process.stderr.close()


def test_compose_and_what_it_mounts() -> None:
    file = DEPLOY / "compose.yaml"
    command = [needs("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(file)]
    assert subprocess.run(command, capture_output=True).returncode == 0
    services = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source == "../models/package" or (DEPLOY / source).is_file()
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert (DEPLOY / services["serving"]["build"]["context"] / services["serving"]["build"]["dockerfile"]).is_file()


def test_the_manifest_fits_kubernetes_and_the_service() -> None:
    file = DEPLOY / "kubernetes.yaml"
    done = subprocess.run([needs("kubernetes-validate"), "--strict", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    deployment = next(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    from pipeline.serving.gate import PROBES
    from pipeline.serving.settings import TOKEN

    assert {container[probe]["httpGet"]["path"] for probe in ("readinessProbe", "livenessProbe")} <= set(PROBES)
    assert [one["name"] for one in container["env"]] == [TOKEN]
    assert f"EXPOSE {container['ports'][0]['containerPort']}\n" in FILE


@pytest.mark.slow
def test_the_dashboard_asks_for_metrics_that_there_are(table_folder: Path) -> None:
    running = Running(table_folder)
    running.ask("/predict", ROW | {"city": "Mars"})
    text = running.ask("/metrics")[1]
    running.end()
    asked = set(re.findall(r"serving_\w+", (DEPLOY / "grafana/serving.json").read_text(encoding="utf-8")))
    told = set(re.findall(r"^(?:# TYPE )?(serving_\w+)", text, re.M))
    assert asked and asked <= told | {f"{name}_total" for name in told}
