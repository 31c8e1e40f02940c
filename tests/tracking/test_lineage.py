"""Lineage: DVC's hashes as W&B artifacts, with edges, aliases, and no data sent unless asked."""

import base64

import pytest
import yaml

from tests.tracking.conftest import Project
from tests.tracking.wandb_server import Server

WITH_PACKAGE_RECORD = "    metrics: [metrics/package/metrics.json: {cache: false}]\n"


def lock_hashes(project: Project) -> dict[str, str]:
    stages = yaml.safe_load((project.path / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in (*stage["outs"], *stage.get("deps", []))}


def record_all(project: Project) -> None:
    """Let every stage record something, so that each has a run."""
    text = yaml.safe_load((project.path / "dvc.yaml").read_text())
    for name, stage in text["stages"].items():
        if name != "train":
            stage["cmd"] += f" && mkdir -p metrics/{name} && echo '{{\"rows\": 1}}' > metrics/{name}/metrics.json"
            stage["metrics"] = [{f"metrics/{name}/metrics.json": {"cache": False}}]
    (project.path / "dvc.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    project.run("dvc", "repro", WANDB_MODE="disabled")


def test_offline_runs_keep_the_edges_by_dvcs_hashes(project: Project) -> None:
    record_all(project)
    commit = project.commit()
    project.run("pipeline", "mirror")
    hashes = lock_hashes(project)
    edges = {}
    for run in project.offline_runs():
        for artifact in run.artifacts:
            path = artifact.manifest.contents[0].ref.partition("://")[2].partition("/")[2]
            digest = base64.b64encode(bytes.fromhex(hashes[path].removesuffix(".dir"))).decode()
            assert artifact.manifest.contents[0].digest == digest
            assert {commit, "latest"} <= set(artifact.aliases)
            edges.setdefault(run.run.job_type, set()).add((artifact.use_after_commit, artifact.type))
    assert edges == {
        "prepare": {(True, "raw"), (False, "prepared")},
        "train": {(True, "prepared"), (False, "model")},
        "package": {(True, "model"), (False, "package")},
    }


def test_the_server_gets_edges_and_not_a_byte_of_data(project: Project, server: Server) -> None:
    record_all(project)
    project.commit()
    project.run("pipeline", "mirror", **server.environment())
    runs = {job: names[0] for job, names in server.by_job().items()}
    models = {artifact for run, kind, artifact in server.edges if artifact.startswith("models-model.joblib")}
    assert len(models) == 1
    (model,) = models
    assert (runs["train"], "log", model) in server.edges
    assert (runs["package"], "use", model) in server.edges
    data = [artifact for name, artifact in server.artifacts.items() if artifact["type"] != "run_table"]
    assert len(data) == 4
    assert not any(artifact["uploads"] for artifact in data)
    assert not any(entry["problem"] for entry in project.ledger())


def test_the_package_is_uploaded_when_asked_and_once(project: Project, server: Server) -> None:
    record_all(project)
    path = project.path / "params.yaml"
    path.write_text(path.read_text().replace("{project: shapes}", "{project: shapes, upload: package}"))
    project.run("pipeline", "mirror", **server.environment())
    sent = {name: artifact["uploads"] for name, artifact in server.artifacts.items() if artifact["uploads"]}
    ((name, files),) = sent.items()
    assert name.startswith("models-package")
    assert sorted(files) == ["README.md", "m"]
    assert {bytes_ for place, bytes_ in server.uploads.items() if place.endswith("/README.md")} == {b"# Card\n"}


@pytest.mark.slow  # a W&B server, three times
def test_the_promoted_model_is_the_champion(project: Project) -> None:
    record_all(project)
    project.commit()
    project.run("git", "tag", "-a", "shapes#prod#1", "-m", "promoted")
    project.params(rate=2)
    project.run("dvc", "repro", WANDB_MODE="disabled")
    project.commit()
    project.run("pipeline", "mirror", "--rev", "HEAD~1")
    project.run("pipeline", "mirror", "--rev", "HEAD")
    champions = [
        (run.run.run_group, artifact.type, "champion" in artifact.aliases)
        for run in project.offline_runs()
        for artifact in run.artifacts
        if artifact.type in ("model", "package") and not artifact.use_after_commit
    ]
    before = project.run("git", "rev-parse", "HEAD~1").stdout[:10]
    assert sorted(champions) == sorted((g, t, g == before) for g, t, _ in champions)
    assert any(is_champion for *_, is_champion in champions)


def test_the_model_card_is_shown(project: Project) -> None:
    record_all(project)
    project.run("pipeline", "mirror", "metrics/package")
    (run,) = project.offline_runs()
    (card,) = [row["model_card"] for row in run.rows if "model_card" in row]
    assert "<h1>Card</h1>" in (run.folder / "files" / card["path"]).read_text()


def test_lineage_that_the_server_did_not_take_arrives_with_the_next_mirror(project: Project, server: Server) -> None:
    server.refuse = {"CreateArtifact"}
    project.run("dvc", "repro", **server.environment())
    project.settle()
    (before,) = project.ledger()
    assert before["state"] == "partial"
    assert "without lineage" in before["problem"]
    refused = project.run("pipeline", "mirror", check=False, **server.environment())
    assert (refused.returncode, server.edges) == (3, [])
    server.refuse = set()
    done = project.run("pipeline", "mirror", **server.environment())
    assert done.stdout.startswith("mirrored")
    ((name, _),) = server.runs.items()
    assert {kind for run, kind, _ in server.edges if run == name} == {"log", "use"}
    assert [row["step"] for row in server.rows(name) if "train/loss" in row] == [0, 1, 2, 3, 4]
    (after,) = project.ledger()
    assert (after["state"], after["problem"]) == ("mirrored", "")
