"""A folder with params.yaml and a table, in which a stage's `main` runs as `dvc repro` would run it."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipeline.errors import explain
from pipeline.files import read_json
from pipeline.stages import load, prepare
from tests.conftest import ROOT


class Project:
    """This repository's params.yaml with changes, in a folder that is the working directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        self.params["data"]["path"] = "data/raw/table.csv"
        self.write("{}", "data/schema.json")

    def write(self, table: pd.DataFrame | str | bytes, name: str = "data/raw/table.csv") -> None:
        """Write a table, as CSV or Parquet by its name, or exactly the given text or bytes."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(table, bytes):
            file.write_bytes(table)
        elif isinstance(table, str):
            file.write_text(table, encoding="utf-8")
        elif name.endswith(".csv"):
            table.to_csv(file, index=False)
        else:
            table.to_parquet(file, index=False)

    def set(self, **sections: dict[str, Any]) -> None:
        """Change some parameters."""
        for section, values in sections.items():
            self.params[section].update(values)

    def load(self, dataset: str) -> pd.DataFrame:
        """Run `load` and return what it wrote."""
        self.write_params(load={"dataset": dataset})
        load.main()
        return pd.read_parquet(load.OUTPUT)

    def prepare(self, **data: Any) -> dict[str, pd.DataFrame]:
        """Run `prepare` with changes to the section `data`, and return its sides."""
        self.write_params(data=data)
        prepare.main()
        return {side: pd.read_parquet(prepare.PREPARED / f"{side}.parquet") for side in ("train", "validation", "test")}

    def refused(self, **data: Any) -> str:
        """Run `prepare`, which must end with exit code 2 and at most two lines; return them."""
        with pytest.raises(Exception) as caught:
            self.prepare(**data)
        message, exit_code = explain(caught.value)
        assert exit_code == 2, message
        assert len(message.splitlines()) <= 2
        return message

    @property
    def profile(self) -> dict[str, Any]:
        return read_json(prepare.METRICS / "profile.json")

    @property
    def schema(self) -> dict[str, dict[str, Any]]:
        """The features of schema.json by name."""
        return {f["name"]: f for f in read_json(prepare.PREPARED / "schema.json")["features"]}

    @property
    def warnings(self) -> dict[str, list[str]]:
        """The columns of the profile's warnings by code."""
        found: dict[str, list[str]] = {}
        for warning in self.profile["warnings"]:
            found.setdefault(warning["code"], []).append(warning["column"])
        return found

    def outputs(self) -> dict[str, bytes]:
        """The bytes of everything that `prepare` writes."""
        tops = [self.path / "data" / "prepared", self.path / "metrics"]
        return {str(file): file.read_bytes() for top in tops for file in sorted(top.rglob("*")) if file.is_file()}

    def write_params(self, **sections: dict[str, Any]) -> None:
        """Write params.yaml, with some changes."""
        self.set(**sections)
        (self.path / "params.yaml").write_text(yaml.safe_dump(self.params), encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project as the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return Project(tmp_path)
