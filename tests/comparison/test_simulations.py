"""Cells of the long simulations that are quick enough for a test, and the program that runs them all."""

from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import bench_simulations as simulations
from benchmarks.bench_simulations import BOUNDS, Cell, is_beyond, main, run

from pipeline.comparison import measures
from pipeline.comparison.means import StudentDifference
from tests.simulated import Population, population_values


@pytest.mark.parametrize(
    "cell",
    [
        Cell(437, "2, 1 %", False, "fair"),
        *(
            pytest.param(Cell(*kind), marks=pytest.mark.slow)
            for kind in ((100, "2", False, "fair"), (1000, "2", False, "sure"), (437, "3", True, "fair"))
        ),
    ],
    ids=lambda cell: cell.name,
)
def test_no_figure_is_beyond_its_bound(cell: Cell) -> None:
    """Of the population's values, also with four positives in 437 rows, an AUC of 0.9998, and groups of rows."""
    found = run(cell, 40)
    assert {kind for kind, *_ in found} == set(BOUNDS) - ({"found as stated"} if cell.grouped else set())
    assert [figure for figure in found if is_beyond(figure[0], *figure[2:])] == []


def test_an_interval_that_is_too_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, mean = Cell(437, "2", False, "fair"), measures.paired_mean

    def too_sure(*arguments: object) -> StudentDifference:
        found = mean(*arguments)  # type: ignore[arg-type]
        return replace(found, standard_error=found.standard_error / 2)

    monkeypatch.setattr(measures, "paired_mean", too_sure)
    monkeypatch.setattr(simulations, "CONFIRMED_BY", 1)
    found = {(kind, metric) for kind, metric, hits, of in run(cell, 40) if is_beyond(kind, hits, of)}
    assert {(kind, metric) for kind in ("false alarm", "misses, better") for metric in ("log_loss", "brier")} <= found


def test_a_finished_cell_is_not_run_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["--rows", "30", "--classes", "2", "--groups", "without", "--skill", "fair", "--repetitions", "5"]
    file = tmp_path / "cells.jsonl"
    assert main([*asked, "--out", str(file)]) == 0
    first = capsys.readouterr().out
    file.write_text(file.read_text() + '["cut of', encoding="utf-8")
    monkeypatch.setattr(simulations, "run", lambda *_: pytest.fail("run again"))
    main([*asked, "--out", str(file)])
    again = capsys.readouterr().out
    assert "false alarm (<= 5)" in first and first.split("figures")[0] == again.split("figures")[0]


def test_a_figure_beyond_its_bound_that_is_not_known_is_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["--rows", "30", "--classes", "2", "--groups", "without", "--skill", "fair"]
    monkeypatch.setattr(simulations, "run", lambda *_: [("false alarm", "accuracy", 20, 100)])
    assert main(asked) == 1
    monkeypatch.setattr(simulations, "run", lambda *_: [("false alarm", "accuracy", 8, 100)])
    assert main(asked) == 0


def test_the_population_is_known_with_its_own_error() -> None:
    """Two classes that lie 1.5 standard deviations apart on each axis: the normal distribution says what is right."""
    from statistics import NormalDist

    found = population_values(Population((0.5, 0.5), 1.5), chunks=4)
    assert found.values["accuracy"] == pytest.approx(
        NormalDist().cdf(1.5 / 2**0.5), abs=4 * found.errors["accuracy"] + 1e-4
    )
    assert 0 < found.errors["accuracy"] < 0.002
