"""What one W&B run will show: a copy of a DVCLive folder, and what is known about how it came to be."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.text import shown
from pipeline.tracking import facts, lineage, records, settings
from pipeline.tracking.follower import ORDER, OUTCOME, RECORDS, Order, keep
from pipeline.tracking.lineage import Data

if TYPE_CHECKING:
    from pipeline.params import Tracking

KILLED = 255  # what W&B shows as killed


@dataclass
class Recording:
    """One execution of one stage."""

    run_id: str
    stage: str
    folder: str  # the DVCLive folder, below the root of the repository where it is in it
    group: str
    name: str
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    digest: str = ""
    inputs: list[Data] = field(default_factory=list)
    outputs: list[Data] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)  # of the outputs
    promoted: list[str] = field(default_factory=list)  # hashes of the promoted model and its package

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Recording":
        """What `to_dict` made."""
        known = {f.name for f in fields(cls)} & set(content)
        values = {name: content[name] for name in known}
        for side in ("inputs", "outputs"):
            values[side] = [Data(**data) for data in content.get(side, [])]
        return cls(**values)


class Bundle:
    """A recording on disk, below wandb/mirror: all that is needed to mirror it, whatever happens to the workspace."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = path / RECORDS
        self.card = path / "card.md"
        self.batches = path / "batches.jsonl"

    def copy(self, folder: Path) -> None:
        """Keep a copy of the DVCLive folder as it is now."""
        keep(folder, self.path)

    def adopt(self, copy: "Bundle") -> None:
        """Take the records of another bundle over."""
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.records, ignore_errors=True)
        copy.records.replace(self.records)
        copy.remove()

    def keep_card(self, tree: Path, recording: Recording) -> None:
        """Keep the model card of the package that the stage made."""
        for data in recording.outputs:
            card = tree / data.path / "README.md"
            if data.kind == "package" and card.exists():
                shutil.copyfile(card, self.card)

    def outcome(self) -> int:
        """The exit code that the stage left here for the case that its follower is killed; KILLED if there is none."""
        try:
            code = int((self.path / OUTCOME).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return KILLED
        return KILLED if code > 128 else code

    def note(self, batch: dict[str, int]) -> None:
        """Note how many points of each series are sent together next."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.batches.open("a", encoding="utf-8") as file:
            file.write(json.dumps(batch) + "\n")

    def noted(self) -> list[dict[str, int]]:
        """The batches of an earlier attempt."""
        lines = self.batches.read_text(encoding="utf-8").splitlines() if self.batches.exists() else []
        return [json.loads(line) for line in lines]

    def remove(self) -> None:
        """Forget it: it is mirrored."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class Source:
    """A working tree or a revision, as far as a recording needs it."""

    lock: dict[str, Any]
    lock_hash: str
    params: dict[str, Any]
    version: dict[str, Any]  # commit, branch, dirty
    experiment: str = ""
    tracked: Callable[[str], bool] = lambda path: False

    @classmethod
    def workspace(cls, tree: Path, experiment: str = "", began_with: Path | None = None) -> "Source":
        """What stands in a working tree now, or stood there when copies of dvc.lock and params.yaml were made."""
        lock = cls.lock_of(began_with or tree)
        return cls(
            **lock,
            params=cls.params_of(began_with or tree),
            version=facts.version(tree, lock["lock"]),
            experiment=experiment,
            tracked=lambda path: (tree / f"{path}.dvc").exists(),
        )

    @staticmethod
    def params_of(tree: Path) -> dict[str, Any]:
        """The parameters of a working tree."""
        return facts.load_yaml(facts.read(tree / "params.yaml"))

    @staticmethod
    def lock_of(tree: Path) -> dict[str, Any]:
        """The fields that dvc.lock gives."""
        return parse_lock(facts.read(tree / "dvc.lock"))

    @property
    def entry(self) -> Callable[[str], dict[str, Any] | None]:
        """The entry of a stage in dvc.lock."""
        return lambda stage: lineage.stages(self.lock).get(stage)

    @property
    def label(self) -> str:
        """The experiment, or the commit; for changes that no commit has, their dvc.lock."""
        if self.experiment:
            return self.experiment
        if self.version["commit"] and not self.version["dirty"]:
            return str(self.version["commit"])[:10]
        return f"lock-{self.lock_hash[:8]}" if self.lock_hash else "workspace"


def parse_lock(text: str) -> dict[str, Any]:
    """`lock` and `lock_hash` of a Source, from the text of a dvc.lock."""
    md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() if text else ""
    return {"lock": facts.load_yaml(text), "lock_hash": md5}


def tracking(params: dict[str, Any]) -> "Tracking":
    """The `tracking` section of a params.yaml; its defaults where there is none, as in another repository."""
    from pydantic import ValidationError  # 0.15 s, in which a short stage of `dvc exp run --temp` comes and goes

    from pipeline.params import Tracking

    try:
        return Tracking.model_validate(params.get("tracking") or {})
    except ValidationError:
        return Tracking.model_validate({})


def destination(tracking: "Tracking") -> dict[str, Any]:
    """Project and entity: W&B's own variables, else params.yaml."""
    return {
        "project": os.environ.get("WANDB_PROJECT") or tracking.project,
        "entity": os.environ.get("WANDB_ENTITY") or tracking.entity,
    }


def begun(order: Order, bundle: Bundle) -> tuple[Recording, Source]:
    """A recording that a stage has begun, and what it began with."""
    folder, tree = Path(order.folder), Path(order.tree)
    source = Source.workspace(tree, order.experiment, bundle.path if (bundle.path / ORDER).exists() else None)
    stage = order.stage or lineage.stage_of(source.lock, relative(folder, tree)) or folder.name
    group = order.group or facts.execution(order.runner, order.started)
    # The first time that a stage runs, dvc.lock does not know it.
    known = bool(order.stage) or stage in lineage.stages(source.lock)
    return describe(source, relative(folder, settings.repository(folder)), stage, group, order.run, known), source


def describe(source: Source, folder: str, stage: str, group: str, run_id: str, known: bool) -> Recording:
    """A recording of a stage, or of something that the pipeline does not know and its parameters do not steer."""
    version = {key: value for key, value in source.version.items() if value != ""}
    config: dict[str, Any] = facts.plain(source.params) if known else {}
    config["git"] = version
    if ci := facts.ci():
        config["ci"] = ci
    tags = [source.version["branch"], source.experiment, facts.dataset(source.params) if known else ""]
    return Recording(
        run_id=run_id,
        stage=stage,
        folder=folder,
        group=group,
        name=f"{stage}-{group}",
        tags=sorted({shown(tag)[:64] for tag in tags if tag}),
        config=config,
    )


def complete(recording: Recording, source: Source, folder: Path, root: Path) -> None:
    """Add what is known once the stage has ended: lineage, dvc.lock's hash, the digest, DVCLive's own params."""
    stage, lock = recording.stage, source.lock
    recording.config.update(facts.plain(records.params(folder)))
    state = {0: "finished", KILLED: "killed"}.get(recording.exit_code, "failed")
    recording.config["outcome"] = {"state": state, "exit_code": recording.exit_code}
    dvc = {"stage": stage, "lock": source.lock_hash, "experiment": source.experiment}
    if source.entry(stage):
        recording.config["dvc"] = {key: value for key, value in dvc.items() if value}
    recording.inputs = lineage.inputs(lock, stage, source.tracked)
    recording.outputs = lineage.outputs(lock, stage) if recording.exit_code == 0 else []
    commit = source.version["commit"]
    recording.aliases = [f"{commit}-dirty" if source.version["dirty"] else commit] if commit else []
    recording.promoted = sorted(facts.promoted(root))
    recording.digest = facts.digest(folder, source.entry(stage) if recording.exit_code == 0 else None)


def relative(folder: Path, root: Path) -> str:
    """A folder as its repository names it."""
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else str(folder)


def run_id(*parts: str) -> str:
    """A W&B run id that the same parts always give."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
