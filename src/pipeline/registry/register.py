"""Makes a commit a version: an annotated tag in GTO's grammar that says what the model is worth."""

from pathlib import Path

from pipeline.params import read_params
from pipeline.registry import checks, versions
from pipeline.registry.figures import figures, message_lines
from pipeline.registry.versions import Registry
from pipeline.repository import tags
from pipeline.repository.revisions import resolve
from pipeline.repository.tags import NewTag, Tag


def register(root: Path, version: str | None) -> Tag:
    """Make HEAD a version, the next one if none is named, here and on the remote.

    Raises:
        InputError: the version is none or is taken, or dvc.yaml names no such model.
        CheckError: HEAD cannot become one: all the reasons; or somebody was quicker.
        ResourceError: Git does not know who writes, or a remote cannot be asked.
    """
    registry = versions.current(root, versions.name_of(root, read_params(root / "params.yaml")))
    [written] = tags.write(root, [prepared(root, registry, version)])
    return written


def prepared(root: Path, registry: Registry, version: str | None) -> NewTag:
    """The tag that makes HEAD a version, if it may become one; nothing is written yet."""
    params = read_params(root / "params.yaml")
    commit = resolve(root, "HEAD")
    checks.demand_identity(root)
    checks.demand_artifact(root, commit, params)
    wanted = versions.following(registry) if version is None else version if version[:1] == "v" else f"v{version}"
    checks.demand_free(registry, wanted)
    checks.demand_ready(root, registry, commit)
    [found] = figures(root, [commit])
    lines = [f"{params.package.name} {wanted}", "", *message_lines(found, params.review.metrics)]
    return NewTag(f"{tags.in_tag(registry.name)}@{wanted}", commit, "\n".join(lines))
