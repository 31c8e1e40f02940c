"""Imports point one way, and dvc.yaml names all code that a stage runs and no other."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

SOURCE = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MODULES = sorted((SOURCE / "pipeline").rglob("*.py"))

# Who may import whom: room -> rooms. Everybody may import `errors`, `files` and `text`. A room not here fails the test.
ROOMS = {
    "errors": set(),
    "files": set(),
    "text": set(),
    "params": set(),
    "data": {"params"},
    "metrics": {"data"},
    "models": {"data", "metrics"},
    "package": {"data", "metrics", "models"},
    "comparison": {"params", "metrics"},
    "repository": {"params"},
    "tracking": {"params", "data", "repository"},
    "review": {"params", "data", "metrics", "models", "package", "comparison", "repository", "tracking"},
    "registry": {"params", "data", "metrics", "models", "package", "comparison", "repository", "tracking", "review"},
    "comment": set(),
    "serving": {"data", "package"},
    "stages": {"params", "data", "metrics", "models", "package", "tracking", "repository"},
    "adopt": {"params", "data", "comparison", "repository", "review"},
    "use": {"params", "repository"},
    "cli": {"adopt", "use", "params", "data", "comparison", "repository", "review", "serving", "tracking", "registry"},
}
DOMAIN = ("data", "metrics", "models", "package", "comparison")
FOREIGN = {"dvc", "dvclive", "wandb", "subprocess", "gto"}  # of which the domain knows nothing
# Of `repository`, stages take only what puts outputs back, what the packages should be, and the text of dvc.lock: an
# edit of the review's Git code makes no lock stale.
OF_STAGES = {"repository/__init__.py", "repository/lock.py", "repository/outputs.py", "repository/packages.py"}
# Of `models`, the package takes the steps that it writes as ONNX, and nothing that fits.
OF_PACKAGE = {"models/__init__.py", "models/pictures.py"}
PARTS = {("stages", "repository"): OF_STAGES, ("package", "models"): OF_PACKAGE}
# One module asks Git and one asks DVC; a stage that failed puts its outputs back without them, also in a bare Python.
ASKING = {
    "dvc": {"repository/dvc.py", "repository/outputs.py"},
    "git": {"repository/git.py", "repository/outputs.py", "stages/interpreter.py"},
}
# The rooms' __init__ hold no code, but for what must run first (stages) and for two names by which others know them.
WITH_CODE = {"stages", "review", "tracking"}


@cache
def imported(module: Path) -> frozenset[Path]:
    """The files of this package that `module` imports anywhere in its text, packages on the way included."""
    package = [*module.relative_to(SOURCE).parts[:-1]]
    found: set[Path] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.update(_files(alias.name.split(".")))
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            base = [*above, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                found.update(_files([*base, alias.name]))
    return frozenset(found - {module})


def _files(name: list[str]) -> Iterator[Path]:
    """The files that importing a dotted name runs: every package on the way, and the module itself."""
    for depth in range(1, len(name) + 1):
        path = SOURCE.joinpath(*name[:depth])
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                yield file


def closure(module: Path) -> set[Path]:
    """`module` and everything that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [module, *_files(list(module.relative_to(SOURCE).with_suffix("").parts))]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(imported(current))
    return found


def has_code(module: Path) -> bool:
    """Whether a file does more than say what it is for."""
    body = ast.parse(module.read_text(encoding="utf-8")).body
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in body)


def place(module: Path) -> str:
    """A file as it is named below src/pipeline."""
    return module.relative_to(SOURCE / "pipeline").as_posix()


def room(module: Path) -> str:
    """The room of a file: the folder, or the name of a file at the top."""
    return place(module).partition("/")[0].removesuffix(".py")


def libraries(module: Path) -> set[str]:
    """The top-level names of all that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def breaches(modules: list[Path]) -> list[str]:
    """What in these files is against the table of rooms."""
    wrong = []
    for module in modules:
        here = room(module)
        if here not in ROOMS and here != "__init__":
            wrong.append(f"{place(module)}: the room {here!r} is not in the table")
            continue
        for other in imported(module):
            there = room(other)
            allowed = there in {here, "errors", "files", "text", "__init__"} | ROOMS.get(here, set())
            if (here, there) in PARTS and place(other) not in PARTS[here, there]:
                allowed = False
            if not allowed:
                wrong.append(f"{place(module)} imports {place(other)}")
        if here in DOMAIN:
            wrong += [f"{place(module)} imports {name}" for name in libraries(module) & FOREIGN]
    return wrong


def test_only_the_allowed_rooms_are_imported() -> None:
    assert breaches(MODULES) == []


def test_the_table_refuses_what_it_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pipeline"
    texts = {
        "__init__.py": "",
        "cellar/__init__.py": "",
        "data/bad.py": "import wandb\nfrom pipeline.review import assemble\n",
        "review/assemble.py": "",
        "repository/git.py": "",
        "stages/train.py": "from pipeline.repository.git import git\n",
        "models/learn.py": "",
        "package/export.py": "from pipeline.models.learn import learn\n",
    }
    for name, text in texts.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.setattr(f"{__name__}.SOURCE", tmp_path)
    assert sorted(breaches(sorted(package.rglob("*.py")))) == [
        "cellar/__init__.py: the room 'cellar' is not in the table",
        "data/bad.py imports review/assemble.py",
        "data/bad.py imports wandb",
        "package/export.py imports models/learn.py",
        "stages/train.py imports repository/git.py",
    ]


def test_a_room_says_what_it_is_for_and_no_more() -> None:
    rooms = [module for module in MODULES if module.name == "__init__.py"]
    assert {room(module) for module in rooms if has_code(module)} <= WITH_CODE
    assert [place(module) for module in MODULES if not ast.get_docstring(ast.parse(module.read_text()))] == []


def test_one_module_asks_dvc_and_one_asks_git() -> None:
    asking = {"dvc": set[str](), "git": set[str]()}
    for module in MODULES:
        if "dvc" in libraries(module):
            asking["dvc"].add(place(module))
        if "subprocess" in libraries(module) and '"git"' in module.read_text(encoding="utf-8"):
            asking["git"].add(place(module))
    assert asking["dvc"] <= ASKING["dvc"]
    assert asking["git"] <= ASKING["git"]


def test_one_module_reads_yaml_and_mlflow_alone_gets_another() -> None:
    """PyYAML reads 1e-5 as text, DVC does not; MLflow, for whom the package's YAML is, reads with PyYAML.

    `repository/editing.py` edits a person's files, in which comments stay.
    """
    using = {place(module) for module in MODULES if "ruamel" in libraries(module)}
    assert using == {"files.py", "repository/editing.py"}
    assert {place(module) for module in MODULES if "yaml" in libraries(module)} == {"package/mlflow_folder.py"}


def test_the_old_public_names_go_on_working() -> None:
    from pipeline.comparison.compare import compare
    from pipeline.review import compare as reviewed
    from pipeline.tracking import Live, live

    assert reviewed is compare and Live is live.Live


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_code_that_it_imports(stage: str) -> None:
    module = SOURCE / "pipeline" / "stages" / f"{stage}.py"
    assert STAGES[stage]["cmd"] == f"exec env PYTHONPATH=src python3 -m pipeline.stages.{stage}"
    expected = {str(file.relative_to(ROOT)) for file in closure(module) if has_code(file)}
    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}
    missing, superfluous = sorted(expected - listed), sorted(listed - expected)
    assert not missing and not superfluous, f"dvc.yaml, {stage}: deps lack {missing} and do not need {superfluous}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_parameters_that_it_reads(stage: str) -> None:
    """A stage reads sections as attributes of what `read_params` returns."""
    tree = ast.parse((SOURCE / "pipeline" / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    holders = {"params"}
    read = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (
            (isinstance(node.value, ast.Name) and node.value.id in holders)
            or (isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "read_params")
        )
    }
    sections = set(yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8")))
    assert {name.split(".")[0] for name in STAGES[stage]["params"]} == read & sections


def test_an_import_inside_a_function_and_a_relative_one_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "pipeline"
    (package / "a").mkdir(parents=True)
    (package / "__init__.py").write_text('"""Says what it is for."""\n')
    (package / "a" / "__init__.py").write_text("X = 1\n")
    (package / "a" / "one.py").write_text("def f():\n    from .two import g\n")
    (package / "a" / "two.py").write_text("from pipeline import three\n")
    (package / "three.py").write_text("")
    monkeypatch.setattr(f"{__name__}.SOURCE", tmp_path)
    found = {str(file.relative_to(package)) for file in closure(package / "a" / "one.py") if has_code(file)}
    assert found == {"a/__init__.py", "a/one.py", "a/two.py"}
