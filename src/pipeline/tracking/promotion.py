"""A promotion as a run of its own: it names model and package by hash, and so moves W&B's `champion` alias to them."""

from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.repository.revisions import text_at
from pipeline.repository.tags import Tag
from pipeline.tracking import lineage, settings
from pipeline.tracking.ledger import MIRRORED, PENDING, Entry
from pipeline.tracking.mirror import send
from pipeline.tracking.recording import Recording, parse_lock, run_id

STAGE = "promote"  # its job type on W&B
SECONDS = 60.0


def told(root: Path, tag: Tag, version: str) -> list[str]:
    """What became of the `champion` alias, in a line; nothing where nobody mirrors, or the stage has no alias."""
    if tag.stage != "prod":
        return []
    try:
        entry = follow(root, tag, version)
    except (PipelineError, OSError) as error:
        return [f"W&B: {error}; the tag stands"]
    if entry is None:
        return []
    if entry.state == MIRRORED:
        return [f"W&B: champion is {version} ({entry.target})"]
    return [f"W&B: not yet ({entry.problem}); pipeline mirror sends it"]


def follow(root: Path, tag: Tag, version: str) -> Entry | None:
    """Tell W&B, or its offline files, which model is the champion now; None where WANDB_MODE is `disabled`.

    What cannot be sent is kept, and the next `pipeline mirror` sends it. A tag is one run, however often it is sent.
    """
    if settings.mode() == "disabled":
        return None
    lock = parse_lock(text_at(root, tag.commit, "dvc.lock") or "")
    made = [data for stage in lineage.stages(lock["lock"]) for data in lineage.outputs(lock["lock"], stage)]
    champion = [data for data in made if data.kind in ("model", "package")]
    promoted = {"name": tag.name, "version": version, "stage": tag.stage, "tag": tag.tag, "by": tag.who}
    recording = Recording(
        run_id=run_id(STAGE, tag.tag, tag.commit),
        stage=STAGE,
        folder="",
        group=tag.tag,
        name=f"{STAGE}-{version}-{tag.number}",
        tags=[version],
        config={"promotion": promoted, "git": {"commit": tag.commit}, "dvc": {"lock": lock["lock_hash"]}},
        digest=tag.tag,
        inputs=champion,
        aliases=[tag.commit],
        promoted=sorted(data.md5 for data in champion),
    )
    return send(settings.repository(root), Entry(recording, PENDING), SECONDS)
