"""Free text in a request is answered as the package answers it."""

from pathlib import Path

import pandas as pd
import pytest

from pipeline.package.table_model import TableModel
from pipeline.serving.active import Active, load
from pipeline.serving.settings import Settings
from tests.serving.packages import written

from .test_request import ask, refusal


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("written") / "package")


@pytest.fixture(scope="module")
def service(folder: Path) -> Active:
    return load(folder, Settings())


def test_texts_are_answered_as_the_package_does(service: Active, folder: Path) -> None:
    rows = [{"note": note} for note in ("FREE prize!", " see you 3 ", "zzz", "", "NA", None, "naïve 😊 free", "2.0")]
    expected = TableModel(folder).predict(pd.DataFrame(rows, dtype=object))
    said = ask(service, rows)["predictions"]
    assert [row["prediction"] for row in said] == expected["label"].tolist()
    assert [row["probabilities"]["spam"] for row in said] == expected["proba_spam"].tolist()
    assert said[2] == said[3] == said[4] == said[5] != said[0]


@pytest.mark.parametrize(("cell", "reason"), [(1, "type"), (True, "type"), (["a"], "shape"), ("\ud800", "type")])
def test_what_is_no_text_is_refused_with_its_place(service: Active, cell: object, reason: str) -> None:
    assert refusal(service, [{"note": "see you"}, {"note": cell}]) == [(reason, 2, "note")]


def test_the_documents_say_what_counts(service: Active) -> None:
    assert b"free text" in service.openapi and b"<td>20 terms</td>" in service.page
