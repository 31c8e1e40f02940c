"""Dates in a request are answered as the package answers them, and what is no date is refused with its place."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.package.table_model import TableModel
from pipeline.serving.active import Active, load
from pipeline.serving.settings import Settings
from tests.serving.packages import dated

from .test_request import ask, refusal

ROW = {"since": "2021-03-01", "seen": "01.03.2021 08:15"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dated(tmp_path_factory.mktemp("dated") / "package")


@pytest.fixture(scope="module")
def service(folder: Path) -> Active:
    return load(folder, Settings())


def test_dates_are_answered_as_the_package_does(service: Active, folder: Path) -> None:
    changes = [{}, {"since": None}, {"since": " NA "}, {"since": "2021-07-01T10:00Z"}, {"seen": "1.8.2021 8:15"}]
    rows = [ROW | change for change in changes]
    expected = TableModel(folder).predict(pd.DataFrame(rows, dtype=object))
    said = ask(service, rows)
    assert [row["prediction"] for row in said["predictions"]] == expected["label"].tolist()
    assert [row["probabilities"]["stays"] for row in said["predictions"]] == expected["proba_stays"].tolist()
    assert said["warnings"] == []


def test_a_date_outside_what_training_saw_is_answered_and_marked(service: Active) -> None:
    message = "training saw 2020-01-01 to 2021-08-20"
    assert ask(service, [ROW, ROW | {"since": "2019-12-31"}])["warnings"] == [
        {"row": 2, "column": "since", "kind": "outside", "message": message}
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"since": "2021-02-29"}, "type"),
        ({"since": "soon"}, "type"),
        ({"since": 20210301}, "type"),
        ({"since": True}, "type"),
        ({"since": ["2021-03-01"]}, "shape"),
        ({"seen": "2021-03-01"}, "type"),
        ({"seen": None}, "gap"),
        ({"seen": ""}, "gap"),
    ],
)
def test_what_is_no_date_is_refused_with_its_place(service: Active, change: dict[str, object], reason: str) -> None:
    assert refusal(service, [ROW, ROW | change]) == [(reason, 2, *change)]


def test_the_documents_say_how_dates_are_written(service: Active) -> None:
    assert b"a date as %d.%m.%Y %H:%M" in service.openapi
    assert b"<td>2020-01-01 to 2021-08-20</td>" in service.page
