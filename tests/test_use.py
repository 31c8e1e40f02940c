"""Settings that stand in a file become those of params.yaml: all that it says, nothing else, or nothing at all."""

import shutil
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.files import parse_yaml
from pipeline.params import read_params
from pipeline.use import use_settings
from tests.conftest import ROOT

FILES = sorted((ROOT / "docs" / "mnist").glob("*.yaml"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with this repository's params.yaml and dvc.yaml."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def said(root: Path, name: str = "params.yaml") -> dict:
    return parse_yaml((root / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_all_that_the_file_says_stands_in_params_and_all_else_stays(root: Path, file: Path) -> None:
    before, wanted = said(root), parse_yaml(file.read_text(encoding="utf-8"))
    lines = use_settings(root, file)
    after = said(root)
    for section, values in wanted.items():
        assert after[section] == (before[section] | values if isinstance(values, dict) else values)
    assert {name: after[name] for name in after.keys() - wanted.keys()} == {
        name: before[name] for name in before.keys() - wanted.keys()
    }
    assert lines[-3:] == ["params.yaml written", "dvc.yaml written", "next: dvc repro, or dvc exp run"]
    assert "load.dataset: openml:mnist_784" in lines
    read_params(root / "params.yaml")


def test_both_settings_differ_in_the_model_and_what_follows_from_it_alone() -> None:
    assert [file.stem for file in FILES] == ["best", "workshop"]
    best, workshop = (parse_yaml(file.read_text(encoding="utf-8")) for file in FILES)
    assert {section for section in best if best[section] != workshop[section]} == {"train", "evaluate", "gate"}


def test_comments_and_the_stage_load_stay_and_the_model_has_its_new_name(root: Path) -> None:
    before = (root / "params.yaml").read_text(encoding="utf-8")
    use_settings(root, FILES[0])
    after = (root / "params.yaml").read_text(encoding="utf-8")
    comments = [line.partition("#")[2] for line in before.partition("\ngate:")[0].splitlines() if "#" in line]
    assert len(comments) > 4 and all(comment in after for comment in comments)
    assert before.count("\n\n") == after.count("\n\n")
    pipeline = said(root, "dvc.yaml")
    assert pipeline["stages"] == said(ROOT, "dvc.yaml")["stages"]
    assert list(pipeline["artifacts"]) == ["mnist"]
    assert "28 x 28" in pipeline["artifacts"]["mnist"]["desc"]


def test_a_second_time_there_is_nothing_to_do(root: Path) -> None:
    use_settings(root, FILES[0])
    contents = [(root / name).read_bytes() for name in ("params.yaml", "dvc.yaml")]
    assert use_settings(root, FILES[0])[0] == "params.yaml says all this already"
    assert [(root / name).read_bytes() for name in ("params.yaml", "dvc.yaml")] == contents


def test_assignments_come_after_the_file_and_reach_as_deep_as_one_likes(root: Path) -> None:
    lines = use_settings(
        root, FILES[0], ["load.dataset=idx:../mnist", "train.arguments.gamma=1e-2", "data.read.sep=;", "train.seed=3"]
    )
    params = read_params(root / "params.yaml")
    assert params.load.dataset == "idx:../mnist" and params.data.read.sep == ";" and params.train.seed == 3
    assert params.train.arguments == {"C": 5, "gamma": 0.01}
    assert "train.seed: 3" in lines


@pytest.mark.parametrize(
    ("text", "assignments", "words"),
    [
        ("train: {epoch: 3}", [], "train.epoch: unknown key; did you mean 'epochs'"),
        ("trian: {epochs: 3}", [], "trian: unknown key; did you mean 'train'"),
        ("train: {epochs: 0}", [], "train.epochs"),
        ("train: svm.SVC", [], "holds no sections"),
        ("- 1", [], "holds no sections"),
        ("train: {", [], "not valid YAML"),
        ("train: {epochs: 3}", ["train.epochs"], "-S train.epochs: write section.key=value"),
        ("train: {epochs: 3}", ["epochs=3"], "-S epochs=3: write section.key=value"),
        ("train: {epochs: 3}", ["train.epochs={"], "not valid YAML"),
        ("train: {epochs: 3}", ["train.epochs=many"], "train.epochs: 'many'"),
        (None, [], "no such file"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    root: Path, text: str | None, assignments: list[str], words: str
) -> None:
    file = root / "settings.yaml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        use_settings(root, file, assignments)
    assert words.lower() in str(caught.value).lower() and len(str(caught.value).splitlines()) <= 2
    assert all((root / name).read_bytes() == (ROOT / name).read_bytes() for name in ("params.yaml", "dvc.yaml"))
