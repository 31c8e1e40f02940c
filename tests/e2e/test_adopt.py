"""A person's own messy table: one command reads it, one page says what was understood, and the pipeline runs."""

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Clone

ROWS = 600


def customers(path: str) -> None:
    """Semicolons, decimal commas, Latin-1, dates, free text, ids, codes with zeros, words among numbers, gaps."""
    random = np.random.default_rng(0)
    age = random.integers(18, 90, ROWS)
    table = pd.DataFrame(
        {
            "customer_no": np.arange(ROWS) * 3 + 7,
            "alter": age,
            "income": [f"{number:.2f}".replace(".", ",") for number in random.normal(3000, 900, ROWS)],
            "city": random.choice(["Köln", "Bern", "Genève", ""], ROWS),
            "since": pd.date_range("2020-01-01", periods=ROWS).strftime("%d.%m.%Y"),
            "note": [f"was called {count} times, row {row}" for row, count in enumerate(random.integers(0, 9, ROWS))],
            "score": random.choice(["1", "2", "3", "4", "?"], ROWS),
            "zip": random.choice(["01234", "94105"], ROWS),
            "churned": np.where(age + random.normal(0, 9, ROWS) > 50, "yes", "no"),
        }
    )
    table.to_csv(path, sep=";", index=False, encoding="latin-1")


@pytest.mark.slow
def test_from_a_messy_table_to_a_package_by_two_commands(reproduced: Clone) -> None:
    table = reproduced.path.parent / "customers.csv"
    customers(str(table))
    before = reproduced.contents("params.yaml", "dvc.yaml")
    page = reproduced.run("pipeline", "adopt", str(table), "--target", "churned").stdout
    for expected in (
        "sep ';'",
        "decimal ','",
        "cp1252",
        "data.id: customer_no",
        "data.dates: {since: {parts: [year, month, day, weekday, days], format: '%d.%m.%Y'}}",
        "data.text: {note: {max_features: 2000, ngram_range: [1, 2]}}",
        "nothing was written",
    ):
        assert expected in page
    assert reproduced.contents("params.yaml", "dvc.yaml") == before
    assert not (reproduced.path / "data/raw/customers.csv").exists()

    taken = reproduced.run("pipeline", "adopt", str(table), "--target", "churned", "--yes").stdout
    assert taken.endswith("next: dvc repro\n")
    comments = [line.partition("#")[2] for line in before["params.yaml"].decode().splitlines() if line.startswith("#")]
    assert all(comment in (reproduced.path / "params.yaml").read_text(encoding="utf-8") for comment in comments)
    reproduced.run("dvc", "repro")
    assert (reproduced.path / "models/package/model.onnx").is_file()
    assert "customers: " in reproduced.run("pipeline", "metrics").stdout

    # A second look keeps what the person chose since.
    reproduced.edit("params.yaml", "drop: []", "drop: [zip]")
    reproduced.edit("params.yaml", "text: {note: {max_features: 2000,", "text: {note: {max_features: 90,")
    reproduced.edit("params.yaml", "parts: [year, month, day, weekday, days]", "parts: [month]")
    reproduced.edit("params.yaml", "categorical: [zip]", "categorical: []")
    reproduced.run("pipeline", "adopt", "data/raw/customers.csv", "--target", "churned", "--yes")
    text = (reproduced.path / "params.yaml").read_text(encoding="utf-8")
    assert "drop: [zip]" in text and "categorical: []" in text
    assert "text: {note: {max_features: 90, ngram_range: [1, 2]}}" in text
    assert "dates: {since: {parts: [month], format: '%d.%m.%Y'}}" in text


def test_what_cannot_be_adopted_is_said_in_one_message(results: Clone) -> None:
    results.write("mine.csv", "x,y\n" + "".join(f"{n},{'' if n % 9 == 0 else n / 7}\n" for n in range(100)))
    done = results.run("pipeline", "adopt", "mine.csv", "--target", "y", check=False)
    assert done.returncode == 2
    assert "12 of 100 rows have no class" in done.stderr and "are amounts, not classes" in done.stderr
    done = results.run("pipeline", "adopt", "mine.csv", "--target", "Y", check=False)
    assert (done.returncode, "did you mean 'y'?" in done.stderr) == (2, True)
    done = results.run("pipeline", "adopt", "nowhere.csv", "--target", "y", check=False)
    assert (done.returncode, "there is no such file" in done.stderr) == (2, True)
