"""What `pipeline metrics` prints."""

from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.review.show.metrics import print_metrics
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    interval = {"accuracy": {"low": 0.9, "high": 0.95}}
    write_json("metrics/evaluate/metrics.json", {"accuracy": 0.93, "log_loss": 0.2, "rows": 50, "interval": interval})
    write_json("metrics/package/metrics.json", {"size_bytes": 37235})
    return tmp_path


def test_it_prints_values_intervals_and_the_package(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "models/package").mkdir(parents=True)
    print_metrics()
    printed = capsys.readouterr().out
    for expected in ("50 test rows", "93.00%", "90.00% to 95.00%", "0.2000", "models/package, 37 kB"):
        assert expected in printed


def test_the_commonest_class_stands_beside_the_accuracy(folder: Path, capsys: pytest.CaptureFixture[str]):
    per_class = {"no": {"rows": 45, "predicted": 50}, "y[e]s": {"rows": 5, "predicted": 0}}
    write_json("metrics/evaluate/metrics.json", {"accuracy": 0.9, "rows": 50, "per_class": per_class})
    print_metrics()
    printed = capsys.readouterr().out
    assert "always “no”" in printed and "90.00%" in printed
    assert "warning: it answers 'no' for all rows, and 90.0% of them are" in printed


def test_it_says_how_to_get_a_package_that_is_not_here(folder: Path, capsys: pytest.CaptureFixture[str]):
    print_metrics()
    assert "dvc pull" in capsys.readouterr().out


@pytest.mark.parametrize("stage", ["evaluate", "package"])
def test_missing_or_broken_metrics_name_the_file_and_the_command(folder: Path, stage: str):
    file = folder / f"metrics/{stage}/metrics.json"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=rf"metrics/{stage}/metrics.json: not valid JSON.*dvc repro"):
        print_metrics()
    file.unlink()
    with pytest.raises(InputError, match=rf"metrics/{stage}/metrics.json: there is no such file; run: dvc repro"):
        print_metrics()
