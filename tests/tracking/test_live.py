"""Live is DVCLive's own class without its side effects, and takes every callback that DVCLive's takes."""

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import dvclive
import pytest

from pipeline.tracking import Live


@pytest.fixture(autouse=True)
def disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.delenv("DVC_ROOT", raising=False)


def test_it_is_dvclives_class_and_writes_its_files(folder: Path) -> None:
    with Live("records") as live:
        assert isinstance(live, dvclive.Live)
        live.log_param("rate", 0.1)
        live.log_metric("train/loss", 0.5)
        live.next_step()
    assert json.loads(Path("records/metrics.json").read_text()) == {"train": {"loss": 0.5}, "step": 0}
    assert Path("records/plots/metrics/train/loss.tsv").read_text() == "step\tloss\n0\t0.5\n"
    assert Path("records/params.yaml").read_text() == "rate: 0.1\n"


def test_it_leaves_git_and_dvc_alone(folder: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    Path("dvc.yaml").write_text("# mine\n")
    with Live(".") as live:
        live.log_metric("x", 1)
    assert Path("dvc.yaml").read_text() == "# mine\n"
    assert not Path(".dvc").exists()


def test_a_step_costs_the_same_however_many_came_before(folder: Path) -> None:
    def steps(live: Live, count: int) -> float:
        started = time.process_time()
        for _ in range(count):
            for name in "abcd":
                live.log_metric(name, 0.5)
            live.next_step()
        return time.process_time() - started

    with Live("records") as live:
        first = steps(live, 300)
        steps(live, 1400)
        last = steps(live, 300)
    assert last < 3 * first


def test_a_training_never_imports_wandb(folder: Path) -> None:
    code = (
        "import sys; from pipeline.tracking import Live\n"
        "with Live('records') as live: live.log_metric('x', 1); live.next_step()\n"
        "sys.exit('wandb' in sys.modules)"
    )
    env = {"PATH": "/usr/bin:/bin", "WANDB_MODE": "offline"}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 0


def test_lightgbms_callback_takes_it(folder: Path) -> None:
    from dvclive.lgbm import DVCLiveCallback

    with Live("records") as live:
        callback = DVCLiveCallback(live=live)
        for step in range(3):
            callback(SimpleNamespace(evaluation_result_list=[("valid", "l2", 1 / (step + 1), False)], iteration=step))
    assert json.loads(Path("records/metrics.json").read_text())["step"] == 2


def test_optunas_trials_can_be_recorded_with_it(folder: Path) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with Live("records") as live:

        def record(study: "optuna.Study", trial: "optuna.trial.FrozenTrial") -> None:
            live.log_metric("best", study.best_value)
            live.next_step()

        study = optuna.create_study()
        study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=4, callbacks=[record])
    assert len(Path("records/plots/metrics/best.tsv").read_text().splitlines()) == 5
