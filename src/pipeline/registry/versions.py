"""Which versions a model has and at which stage each is now, from its tags."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import InputError
from pipeline.params import Params
from pipeline.repository import tags
from pipeline.repository.tags import HOLDOUT, Tag

SEMVER = re.compile(r"v(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


@dataclass(frozen=True)
class Version:
    """A commit that became a version; `stages`: where it is now, and since when. `when`: ISO 8601."""

    version: str
    tag: str
    commit: str
    when: str
    who: str
    stages: dict[str, str]


@dataclass(frozen=True)
class Registry:
    """What the tags say of one model: every step, the oldest first; its versions, the highest first; its stages."""

    name: str
    steps: tuple[Tag, ...]
    versions: tuple[Version, ...]
    stages: dict[str, Tag]

    def at(self, stage: str) -> Tag | None:
        """What put the model to a stage where it is now."""
        return self.stages.get(stage)

    def before(self, stage: str) -> Tag | None:
        """What stood at a stage before what stands there now; a rollback forgets what it went back from."""
        stood: list[Tag] = []
        for tag in self.steps:
            if tag.stage != stage:
                continue
            while stood and (tag.undone or self.is_rollback(tag)) and stood[-1].commit != tag.commit:
                stood.pop()
            if tag.undone:
                stood = stood[:-1]
            elif not self.is_rollback(tag):
                stood.append(tag)
        return stood[-2] if len(stood) > 1 else None

    def back(self, called: str) -> str:
        """How the message of a rollback begins, by which it is known from a promotion of the same version."""
        return f"{self.name} back to {called}"

    def is_rollback(self, tag: Tag) -> bool:
        """Whether a step put back what stood there before."""
        return tag.message.startswith(self.back(""))

    def of(self, commit: str) -> Version | None:
        """The version that a commit is."""
        return next((version for version in self.versions if version.commit == commit), None)

    def called(self, commit: str) -> str:
        """What people call a commit: its version, else its short hash."""
        version = self.of(commit)
        return version.version if version else commit[:7]

    def find(self, text: str) -> Version:
        """The version that a user names: `v1.2.0`, `1.2.0`, `digits@v1.2.0`, or the stage that it is at.

        Raises:
            InputError: there is no such version.
        """
        wanted = text.removeprefix(f"{tags.in_tag(self.name)}@")
        staged = self.stages.get(text)
        for version in self.versions:
            if version.version in (wanted, f"v{wanted}") or (staged and staged.commit == version.commit):
                return version
        known = ", ".join(version.version for version in self.versions[:5]) or "none yet; make one: registry register"
        raise InputError(f"{self.name} has no version '{text}'; it has: {known}")


def name_of(root: Path, params: Params) -> str:
    """The model's name in the registry."""
    return tags.model(root, params.package.name)


def read(root: Path, name: str) -> Registry:
    """What this clone's tags say; nothing is asked of a remote."""
    steps = [tag for tag in tags.read(root) if tag.name == name]
    stages = dict.fromkeys(tag.stage for tag in steps if tag.stage and tag.stage != HOLDOUT)
    now = {stage: tag for stage in stages if stage and (tag := tags.at_stage(steps, name, stage))}
    newest = {tag.version: tag for tag in steps if tag.version}
    found = [
        Version(
            version,
            tag.tag,
            tag.commit,
            tag.when,
            tag.who,
            {stage: since.when for stage, since in now.items() if since.commit == tag.commit},
        )
        for version, tag in newest.items()
        if not tag.undone
    ]
    return Registry(name, tuple(steps), tuple(sorted(found, key=lambda v: order(v.version), reverse=True)), now)


def known(root: Path, name: str) -> Registry:
    """What this clone's tags say; where it has none, as after a shallow clone, they are fetched first.

    Raises:
        ResourceError: there are none here, and the remote cannot be asked.
    """
    found = read(root, name)
    if not found.steps and tags.remote(root):
        tags.fetch(root, name)
        found = read(root, name)
    return found


def current(root: Path, name: str) -> Registry:
    """What everybody's remote says by now: for whoever is to add to it.

    Raises:
        ResourceError: the remote cannot be asked.
    """
    tags.fetch(root, name)
    return read(root, name)


def order(version: str) -> tuple[object, ...]:
    """Sorts versions as semver.org does: v1.9.0, v1.10.0-rc.2, v1.10.0."""
    match = SEMVER.fullmatch(version)
    if not match:
        return (0, 0, 0, False, [])
    before = [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (match[4] or "").split(".")]
    return (int(match[1]), int(match[2]), int(match[3]), match[4] is None, before)


def following(registry: Registry) -> str:
    """The next version: the highest one's next minor, of a pre-release its release; the first is v1.0.0."""
    highest = next((match for version in registry.versions if (match := SEMVER.fullmatch(version.version))), None)
    if highest is None:
        major, minor, patch = 1, 0, 0
    elif highest[4]:
        major, minor, patch = (int(highest[part]) for part in (1, 2, 3))
    else:
        major, minor, patch = int(highest[1]), int(highest[2]) + 1, 0
    taken = {tag.version for tag in registry.steps if tag.version}
    while f"v{major}.{minor}.{patch}" in taken:  # one that was taken back is not made again
        minor, patch = minor + 1, 0
    return f"v{major}.{minor}.{patch}"
