"""Imports point one way, and dvc.yaml names all code that a stage runs and no other."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT

SOURCE = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
MODULES = sorted((SOURCE / "pipeline").rglob("*.py"))

# What each part may import of the others, as DESIGN's layers say. Files at the root (errors, files, params, ...) are
# helpers that all but `ml` share; the command line and the stages may import anything.
ROOMS = {"tracking", "review", "serving", "monitoring", "comment"}
FORBIDDEN = {
    "ml": ROOMS | {"stages", "cli", "params", "outputs", "verify"},
    "errors": ROOMS | {"stages", "cli", "ml", "params", "files"},
    "files": ROOMS | {"stages", "cli", "ml", "params"},
    "params": ROOMS | {"stages", "cli"},
    "outputs": ROOMS | {"stages", "cli", "ml"},
    **{room: {"stages", "cli"} for room in ROOMS},
}


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


def test_only_the_allowed_layers_are_imported() -> None:
    wrong = []
    for module in MODULES:
        layer = module.relative_to(SOURCE / "pipeline").parts[0].removesuffix(".py")
        for other in imported(module):
            target = other.relative_to(SOURCE / "pipeline").parts[0].removesuffix(".py")
            if target in FORBIDDEN.get(layer, set()):
                wrong.append(f"{module.relative_to(SOURCE)} imports {other.relative_to(SOURCE)}")
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_exactly_the_code_that_it_imports(stage: str) -> None:
    module = SOURCE / "pipeline" / "stages" / f"{stage}.py"
    assert STAGES[stage]["cmd"] == f"exec env PYTHONPATH=src python -m pipeline.stages.{stage}"
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
