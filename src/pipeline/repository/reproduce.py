"""Runs the whole pipeline again elsewhere and compares: the last word on whether a result can be reproduced."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InputError, ResourceError
from pipeline.params import read_params
from pipeline.repository import outside
from pipeline.repository.dvc import open_repository, repro
from pipeline.repository.git import git
from pipeline.repository.lock import outputs, read
from pipeline.repository.verify import Fact


def is_reproduced(equivalent: bool = False) -> Fact:
    """`dvc repro --force` in a copy of this repository with an empty cache gives the same dvc.lock and metrics.

    `equivalent`: other bytes are only a doubt where labels are the same and all figures that a review judges nearly so
    (`record_run`). Another kind of processor adds in another order.

    Raises:
        InputError: the pipeline does not run.
        ResourceError: a table that it starts from is not in this clone.
    """
    from pipeline.repository.proof import record_run

    with tempfile.TemporaryDirectory(prefix="pipeline-reproduce-") as scratch:
        # As deep as here, so that what params.yaml names above the repository (../mnist) has its place in scratch, too.
        copy = Path(scratch).joinpath(*Path.cwd().parts[1:])
        with open_repository() as repo:
            sources = [str(out) for stage in repo.index.stages if stage.is_data_source for out in stage.outs]
            recorded = [str(out) for out in repo.index.outs if not out.use_cache]
        _copy(sources, copy)
        outside.link(Path.cwd(), copy, Path(scratch))
        said = repro(copy, "--force", tell=_tell)
        if said:
            sys.stderr.writelines(f"  {line}\n" for line in said)
            raise InputError("the pipeline does not run from nothing; `dvc repro --force` says why")
        problems = [*_lock_differences(copy), *_file_differences(recorded, copy)]
        again = None
        if Path("dvc.lock").exists():
            again = record_run(Path(), copy, read_params().review.metrics)  # for the proof in `pipeline report`
    if equivalent and again == "equivalently":
        return Fact(
            "a run from nothing gives the same labels and nearly the same numbers, but other bytes", [], problems
        )
    return Fact("a run from nothing gives the same dvc.lock and metrics", problems)


def _tell(stage: str) -> None:
    sys.stderr.write(f"verify: running {stage}\n")


def _copy(sources: list[str], copy: Path) -> None:
    """The files that Git has or would take, and the data that the pipeline starts from, as a new repository."""
    listing = git(Path(), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, [*listing.split("\0"), *sources]):
        if Path(name).is_dir():
            shutil.copytree(name, copy / name)
        elif Path(name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(name, copy / name)
        elif name in sources:
            raise ResourceError(f"{name}: not in this clone; run: dvc pull {name}")
    git(copy, "init", "-q")


def _lock_differences(copy: Path) -> Iterator[str]:
    expected, found = Path("dvc.lock"), copy / "dvc.lock"
    if expected.exists() and expected.read_bytes() == found.read_bytes():
        return
    before, after = (outputs(read(folder)) for folder in (Path(), copy))
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            yield f"{path}: {before.get(path, 'nothing')} in dvc.lock, {after.get(path, 'nothing')} from a new run"
    if before == after:
        yield "dvc.lock: the outputs are the same, but not what they were made from; run: dvc repro"


def _file_differences(recorded: list[str], copy: Path) -> Iterator[str]:
    """Metrics and plots, the outputs that Git holds, whose bytes differ."""
    here, there = _contents(Path(), recorded), _contents(copy, recorded)
    yield from (f"{name}: differs from a new run" for name in sorted(here | there) if here.get(name) != there.get(name))


def _contents(root: Path, names: list[str]) -> dict[Path, bytes]:
    files = [file for name in names for file in (root / name, *(root / name).rglob("*")) if file.is_file()]
    return {file.relative_to(root): file.read_bytes() for file in files}
