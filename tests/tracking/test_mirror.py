"""`pipeline mirror`: everything once, for the workspace, revisions, other repositories."""

import json
import shutil
from pathlib import Path

from tests.tracking.conftest import REPRO, Project, until
from tests.tracking.wandb_server import KEY, Server

PLOTS = """
import numpy as np
from pipeline.tracking import Live
with Live("records") as live:
    live.log_param("rate", 0.1)
    live.log_params({"deep": {"er": 2}})
    live.log_metric("loss", 0.5)
    truth, found = [0, 1, 1, 0, 1, 0, 1, 0], [0.1, 0.9, 0.4, 0.2, 0.8, 0.6, 0.7, 0.3]
    live.log_sklearn_plot("roc", truth, found)
    live.log_sklearn_plot("precision_recall", truth, found)
    live.log_sklearn_plot("calibration", truth, found, n_bins=3)
    live.log_sklearn_plot("confusion_matrix", ["cat", "dog", "cat"], ["cat", "cat", "cat"])
    live.log_plot("curve", [{"x": 1, "y": 2.5}, {"x": 2, "y": 3.5}], x="x", y="y")
    live.log_plot("per_class", [{"class": "a", "precision": 1.0, "recall": 0.5, "f1": 0.6}], x="f1", y="class")
    live.log_image("hardest.png", np.zeros((4, 4), np.uint8))
    live.log_image("hardest/1.png", np.zeros((4, 4), np.uint8))
    live.log_image("hardest/b.png", np.zeros((4, 4), np.uint8))
    live.log_image("steps/0.png", np.zeros((4, 4), np.uint8))
    live.log_image("steps/1.png", np.ones((4, 4), np.uint8))
    live.log_plot("hardest", [{"image": "hardest/1.png", "key": "k", "prediction": "b", "truth": "a"}], "key", "truth")
    live.summary["per_class"] = {"a": {"f1": 0.25, "rows": 3}, "b": {"f1": 1.0, "rows": 4}}
    live.summary["slice"] = {"age": {"< 30": {"accuracy": 0.5, "rows": 2}}}
"""


def test_everything_that_dvclive_records_arrives(project: Project) -> None:
    project.script(PLOTS, WANDB_MODE="disabled")
    project.run("pipeline", "mirror", "records")
    (run,) = project.offline_runs()
    row = {key: value for line in run.rows for key, value in line.items()}
    assert run.config["rate"] == 0.1
    assert run.config["deep"] == {"er": 2}
    assert run.summary["per_class/a/f1"] == 0.25
    charts = run.config["_wandb"]["visualize"]
    names = {name: chart["panel_config"]["panelDefId"] for name, chart in charts.items()}
    assert names == {
        "roc": "wandb/area-under-curve/v0",
        "precision_recall": "wandb/area-under-curve/v0",
        "calibration": "wandb/lineseries/v0",
        "confusion_matrix": "wandb/confusion_matrix/v1",
        "curve": "wandb/line/v0",
    }
    roc = json.loads((project.path / "records/plots/sklearn/roc.json").read_text())["roc"]
    assert table(run, row["roc_table"]) == [["all", point["fpr"], point["tpr"]] for point in roc]
    assert table(run, row["tables/slice"]) == [["age", "< 30", 0.5, 2]]
    assert row["images/hardest"]["captions"] == ["truth: a, prediction: b, key: k", ""]
    assert row["images/hardest.png"]["captions"] == ["truth: a, prediction: b, key: k"]
    assert table(run, row["tables/per_class"]) == [["a", 0.25, 3], ["b", 1.0, 4]]
    steps = [(line["step"], line["images/steps"]["_type"]) for line in run.rows if "images/steps" in line]
    assert steps == [(0, "image-file"), (1, "image-file")]


def table(run, reference: dict) -> list[list]:
    return json.loads((run.folder / "files" / reference["path"]).read_text())["data"]


def test_twice_makes_no_second_run_and_no_second_row(reproduced_project: Project, server: Server) -> None:
    first = reproduced_project.run("pipeline", "mirror", **server.environment()).stdout
    sent = {name: (len(run["upserts"]), server.rows(name)) for name, run in server.runs.items()}
    second = reproduced_project.run("pipeline", "mirror", **server.environment()).stdout
    assert {name: (len(run["upserts"]), server.rows(name)) for name, run in server.runs.items()} == sent
    assert len(sent) == 1
    assert first == second


def test_what_a_follower_mirrored_is_not_mirrored_again(project: Project, server: Server) -> None:
    project.run("dvc", "repro", **server.environment())
    project.settle()
    project.run("pipeline", "mirror", **server.environment())
    project.commit()
    project.run("pipeline", "mirror", "--rev", "HEAD", **server.environment())
    assert len(server.runs) == 1


def test_offline_first_online_later_is_one_run(project: Project, server: Server) -> None:
    project.run("dvc", "repro")
    project.settle()
    (offline,) = project.offline_runs()
    project.run("pipeline", "mirror", **server.environment())
    assert list(server.runs) == [offline.run.run_id]


def test_a_range_an_experiment_and_what_the_cache_restored(project: Project, server: Server) -> None:
    def state(rate: int) -> str:
        project.params(rate=rate)
        project.run("dvc", "repro", WANDB_MODE="disabled", STAGE=json.dumps({"score": rate / 10}))
        return project.commit()

    first, second = state(1), state(2)
    third = state(3)
    env = {"WANDB_MODE": "disabled", "STAGE": json.dumps({"score": 0.9})}
    project.run("dvc", "exp", "run", "--temp", "--name", "bold", "-S", "train.rate=9", **env)
    state_before = (project.path / "metrics/train/metrics.json").read_bytes()

    project.run("pipeline", "mirror", "--rev", f"{first}..HEAD", **server.environment())
    assert {run["groupName"] for run in server.runs.values()} == {second[:10], third[:10]}
    project.run("pipeline", "mirror", "--rev", "bold", **server.environment())
    bold = next(name for name, run in server.runs.items() if run["groupName"] == "bold")
    assert server.rows(bold)[0]["train/loss"] == 0.9
    assert "bold" in server.runs[bold]["tags"]
    assert (project.path / "metrics/train/metrics.json").read_bytes() == state_before

    project.params(rate=1)  # nothing runs: DVC restores it from its run-cache
    done = project.run("dvc", "repro", **server.environment())
    assert "is cached" in done.stdout
    project.run("pipeline", "mirror", **server.environment())
    assert len(server.runs) == 4
    project.run("pipeline", "mirror", "--rev", first, **server.environment())
    assert len(server.runs) == 4


def test_any_folder_of_any_repository(tmp_path: Path, project: Project) -> None:
    other = tmp_path / "other" / "deep" / "dvclive"
    project.script(f"from pipeline.tracking import Live\nwith Live({str(other)!r}) as live: live.log_metric('x', 2)")
    project.run("git", "init", "-q", str(tmp_path / "other"))
    project.run("pipeline", "mirror", str(other))
    project.run("pipeline", "mirror", str(other))
    from tests.tracking.wandb_file import runs

    found = [run for root in (project.path, tmp_path / "other") for run in runs(root)]
    assert {run.run.job_type for run in found} == {"dvclive"}
    assert all(run.summary["x"] == 2 for run in found)
    assert not project.run("git", "-C", str(tmp_path / "other"), "status", "--short", "wandb").stdout


def test_status_lists_what_is_where(reproduced_project: Project, server: Server) -> None:
    assert reproduced_project.status() == ["nothing is mirrored"]
    reproduced_project.run("pipeline", "mirror", **server.environment())
    (line,) = reproduced_project.status()
    assert line.startswith("mirrored")
    assert f"{server.url}/team/shapes/runs/" in line


def test_wait_takes_a_number_or_none(reproduced_project: Project, server: Server) -> None:
    reproduced_project.run("pipeline", "mirror", "--wait", **server.environment())
    reproduced_project.run("pipeline", "mirror", "--wait", "60", "metrics/train", **server.environment())
    assert len(server.runs) == 1


def test_wrong_arguments_say_what_is_wrong(reproduced_project: Project) -> None:
    for arguments in (["nowhere"], ["--rev", "nowhere"], ["metrics/train", "--rev", "HEAD"]):
        done = reproduced_project.run("pipeline", "mirror", *arguments, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) <= 2


def test_a_run_that_is_followed_is_left_to_its_follower(project: Project, server: Server) -> None:
    going_on = project.path / "go"
    stage = {"steps": 6, "until": str(going_on)}
    process = project.start(REPRO, STAGE=json.dumps(stage), **server.environment())
    wait = ("pipeline", "mirror", "--wait", "1", "metrics/train")
    try:
        until(lambda: server.runs and any(server.rows(name) for name in server.runs))
        during = project.run("pipeline", "mirror", "metrics/train", **server.environment())
        too_soon = project.run(*wait, check=False, **server.environment())
    finally:
        going_on.touch()
        process.communicate(timeout=300)
    assert during.stdout.startswith("following")
    assert too_soon.returncode == 3
    assert "has not ended" in too_soon.stderr
    after = project.run("pipeline", "mirror", "--wait", "metrics/train", **server.environment())
    assert after.stdout.startswith("mirrored")
    ((name, run),) = server.runs.items()
    assert run["state"] == "finished"
    assert [row["step"] for row in server.rows(name) if "train/loss" in row] == list(range(6))


ODD = """
import json
import numpy as np
from pathlib import Path
from PIL import Image
from pipeline.tracking import Live
with Live("records") as live:
    live.log_metric("loss", 0.5)
    live.log_metric("step", 7)
    for name in ("good", "torn", "empty"):
        live.log_image(f"mixed/{name}.png", np.random.default_rng(0).integers(0, 255, (32, 32), np.uint8))
    live.log_image("steps/0.png", np.zeros((4, 4), np.uint8))
    live.log_image("steps/1.png", np.zeros((4, 4), np.uint8))
    live.log_plot("curve", [{"x": 1, "y": 2.5}, {"x": 2, "y": 3.5}], x="x", y="y")
    live.log_plot("roc", [{"fpr": 0, "tpr": 1}, {"fpr": 0}], x="fpr", y="tpr")
images = Path("records/plots/images")
torn = images / "mixed/torn.png"
torn.write_bytes(torn.read_bytes()[:200])
(images / "mixed/empty.png").write_bytes(b"")
(images / "steps/1.png").write_bytes(b"")
(images / "drawing.svg").write_text("<svg/>")
Image.new("1", (20000, 20000)).save(images / "huge.png")
"""


def test_what_wandb_cannot_take_costs_itself_alone(project: Project) -> None:
    project.script(ODD, WANDB_MODE="disabled")
    done = project.run("pipeline", "mirror", "records")
    assert done.stdout.startswith("mirrored")
    assert "without plot roc" in done.stdout
    assert "and 3 more" in done.stdout
    (run,) = project.offline_runs()
    row = {key: value for line in run.rows for key, value in line.items()}
    assert run.series("loss") == [(0, 0.5)]
    assert run.series("metric/step") == [(0, 7)]
    assert row["images/mixed"]["count"] == 1
    assert row["images/steps"]["_type"] == "image-file"
    assert table(run, row["curve_table"]) == [[1, 2.5], [2, 3.5]]
    assert not {"roc_table", "images/drawing.svg", "images/huge.png"} & set(row)
    assert project.run("pipeline", "mirror", "records").stdout == done.stdout
    assert len(project.offline_runs()) == 1


def test_equal_records_of_two_folders_are_two_runs(project: Project) -> None:
    text = "from pipeline.tracking import Live\nfor name in 'ab':\n  with Live(name) as live: live.log_metric('x', 2)"
    project.script(text, WANDB_MODE="disabled")
    project.run("pipeline", "mirror", "a", "b")
    assert {run.run.job_type for run in project.offline_runs()} == {"a", "b"}


def test_a_run_can_be_mirrored_to_another_project_too(reproduced_project: Project, server: Server) -> None:
    for name in ("first", "second", "second"):
        reproduced_project.run("pipeline", "mirror", WANDB_PROJECT=name, WANDB_ENTITY="us", **server.environment())
    ((_, run),) = server.runs.items()
    assert [upsert["project"] for upsert in run["upserts"] if upsert.get("groupName")] == ["first", "second"]
    (line,) = reproduced_project.status()
    assert "/us/second/" in line


def test_variables_that_mean_one_run_are_not_for_a_pipeline(reproduced_project: Project, server: Server) -> None:
    one = {"WANDB_RUN_ID": "one", "WANDB_NAME": "one", "WANDB_RESUME": "must", "WANDB_SWEEP_ID": "sweep"}
    reproduced_project.run("pipeline", "mirror", **one, **server.environment())
    ((name, run),) = server.runs.items()
    assert name != "one"
    assert run["displayName"].startswith("train-")


def test_a_server_of_ones_own_is_found_where_wandb_login_notes_it(
    reproduced_project: Project, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "settings").write_text(f"[default]\nbase_url = {server.url}\n")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1:{server.port} login user password {KEY}\n")
    login = {"WANDB_CONFIG_DIR": str(tmp_path), "NETRC": str(tmp_path / "netrc")}
    reproduced_project.run("pipeline", "mirror", WANDB_MODE="", **login)
    assert len(server.runs) == 1


def test_settings_of_the_tree_lead_the_key_nowhere(reproduced_project: Project, server: Server, tmp_path: Path) -> None:
    project = reproduced_project
    with Server() as thief:
        text = f"[default]\nbase_url = {thief.url}\nhttp_proxy = {thief.url}\nhttps_proxy = {thief.url}\n"
        for folder in (project.path, project.path.parent):
            for name in ("wandb", ".wandb"):
                (folder / name).mkdir(exist_ok=True)
                (folder / name / "settings").write_text(text)
        netrc = f"machine 127.0.0.1:{thief.port} login user password {KEY}\n"
        (project.path / ".netrc").write_text(netrc)
        project.run("git", "add", "-f", "wandb/settings", ".wandb/settings", ".netrc")
        (tmp_path / "settings").write_text(f"[default]\nbase_url = {server.url}\n")
        env = {"WANDB_CONFIG_DIR": str(tmp_path), "WANDB_API_KEY": KEY, "WANDB_MODE": "online"}
        project.run("pipeline", "mirror", **env)  # by `push`
        stage = json.dumps({"score": 0.25})
        project.run("dvc", "repro", "-f", "train", STAGE=stage, **env)  # by a follower
        project.settle()
        assert (thief.keys, thief.calls, thief.uploads, thief.runs) == (set(), [], {}, {})
    assert len(server.runs) == 2 and {run["state"] for run in server.runs.values()} == {"finished"}


def test_outside_a_repository_it_is_one_run_wherever_the_command_runs(tmp_path: Path, project: Project) -> None:
    records = tmp_path / "outside" / "records"
    project.script(f"from pipeline.tracking import Live\nwith Live({str(records)!r}) as live: live.log_metric('x', 2)")
    project.run("pipeline", "mirror", "--wait", "100", str(records))
    project.run("git", "init", "-q", str(tmp_path / "elsewhere"))
    project.path = tmp_path / "elsewhere"
    project.run("pipeline", "mirror", str(records))
    from tests.tracking.wandb_file import runs

    assert len(runs(tmp_path / "outside")) == 1


def test_what_the_pipeline_made_is_not_dirty_in_a_subfolder_of_a_repository(
    tmp_path: Path, reproduced_project: Project
) -> None:
    shutil.rmtree(reproduced_project.path / ".git")
    whole = Project(tmp_path)
    whole.run("git", "init", "-q", "-b", "main")
    whole.commit()
    reproduced_project.params(rate=2)
    reproduced_project.run("dvc", "repro", WANDB_MODE="disabled", STAGE=json.dumps({"score": 0.25}))
    whole.run("git", "commit", "-q", "-m", "parameters", "project/params.yaml")
    reproduced_project.run("pipeline", "mirror", "metrics/train")
    (run,) = reproduced_project.offline_runs()
    assert run.config["git"]["dirty"] is False


def test_no_temporary_folder_is_left(project: Project, tmp_path: Path) -> None:
    """W&B's client makes some, and removes them in exit handlers that do not run."""
    (tmp_path / "temporary").mkdir()
    project.script(PLOTS, WANDB_MODE="disabled")
    project.run("pipeline", "mirror", "records", TMPDIR=str(tmp_path / "temporary"))
    assert len(project.offline_runs()) == 1
    assert list((tmp_path / "temporary").iterdir()) == []
    assert list((project.path / "wandb/mirror").glob("new-*")) == []
