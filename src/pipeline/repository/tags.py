"""Versions and stages of a model as Git tags in GTO's grammar: `digits@v1.2.0`, `digits#prod#3`; read, and written."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import CheckError, ResourceError
from pipeline.repository.git import git

NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
GRAMMAR = re.compile(
    rf"(?P<name>(?:[\w./-]+=)?{NAME})(?:#(?P<stage>{NAME})|@(?P<version>v\d+\.\d+\.\d+[\w.+-]*))(?P<undone>!?)(?:#(?P<number>\d+))?"
)
FIELDS = "%00".join(
    f"%({field})"
    for field in (
        "refname:strip=2",
        "objectname",
        "*objectname",
        "creatordate:iso-strict",
        "taggername",
        "objecttype",
        "contents:subject",
    )
)
HOLDOUT = "holdout"  # the stage of a model that was judged on the rows held back
ASK_SECONDS = 120  # a remote that does not answer shall not hold anybody for ever


@dataclass(frozen=True)
class Tag:
    """One step of a model's life: `commit` became a version, or reached a stage; `undone`: is it no more.

    `number` counts the steps of a model, over all its stages; 0 where the tag has none. `when`: ISO 8601. `who` and
    `message` (its first line) are empty where the tag is not annotated.
    """

    tag: str
    name: str
    stage: str | None
    version: str | None
    undone: bool
    number: int
    commit: str
    when: str
    who: str = ""
    message: str = ""


@dataclass(frozen=True)
class NewTag:
    """A tag that is to be written; `message` is all of it, the first line its subject."""

    tag: str
    commit: str
    message: str


def read(root: Path) -> list[Tag]:
    """All tags in GTO's grammar, the newest last; other tags are nobody's business here.

    Raises:
        ResourceError: this is no Git repository.
    """
    found = []
    listed = git(root, "for-each-ref", f"--format={FIELDS}", "refs/tags")
    for line in filter(None, listed.split("\n")):  # a message may hold what splitlines() takes for an end of line
        tag, of_tag, of_commit, when, who, kind, subject = line.split("\0")
        if match := GRAMMAR.fullmatch(tag):
            name, number = match["name"].replace("=", ":"), int(match["number"] or 0)
            step = match["stage"], match["version"], bool(match["undone"])
            said = (who, subject) if kind == "tag" else ("", "")
            found.append(Tag(tag, name, *step, number, of_commit or of_tag, when, *said))
    return sorted(found, key=lambda tag: (tag.number, tag.when))


def model(root: Path, name: str) -> str:
    """The name that GTO gives a model of the pipeline in `root`: with the folder, where that is not Git's root."""
    folder = git(root, "rev-parse", "--show-prefix").rstrip("/")
    return f"{folder}:{name}" if folder else name


def in_tag(name: str) -> str:
    """A model's name as a tag has it: Git allows no colon there."""
    return name.replace(":", "=")


def at_stage(tags: list[Tag], name: str, stage: str) -> Tag | None:
    """What put the model to a stage where it is now: the newest step there of a commit that was not taken back."""
    newest: dict[str, Tag] = {}
    for tag in tags:
        if (tag.name, tag.stage) == (name, stage):
            newest.pop(tag.commit, None)
            newest[tag.commit] = tag
    return next((tag for tag in reversed(newest.values()) if not tag.undone), None)


def openings(tags: list[Tag], name: str) -> list[Tag]:
    """Every time that a model was judged on the rows held back, the first one first."""
    return [tag for tag in tags if tag.name == name and tag.stage == HOLDOUT and not tag.undone]


def to_stage(tags: list[Tag], name: str, stage: str) -> str:
    """The name of the next tag that puts a model to a stage."""
    number = 1 + max((tag.number for tag in tags if tag.name == name), default=0)
    return f"{in_tag(name)}#{stage}#{number}"


def write_stage(root: Path, name: str, stage: str, commit: str, message: str) -> Tag:
    """Record that a commit's model reached a stage, as `write` does it.

    Two that do so at once get the same number, and the second one's push is refused.

    Raises:
        CheckError: somebody was quicker.
        ResourceError: the tag could not be made or pushed; nothing is recorded then.
    """
    [written] = write(root, [NewTag(to_stage(read(root), name, stage), commit, message)])
    return written


def write(root: Path, made: Sequence[NewTag]) -> list[Tag]:
    """Write annotated tags, all of them here and on the remote, or none anywhere. Without a remote they stay here.

    They stand here only once the remote has them: whoever is killed before that leaves nothing behind.

    Raises:
        CheckError: somebody was quicker, and the remote has one of them.
        ResourceError: they could not be made or pushed; nothing is recorded then.
    """
    if here := [new.tag for new in made if git(root, "for-each-ref", f"refs/tags/{new.tag}")]:
        raise CheckError(f"{here[0]} is here already, so nothing is recorded; look at what is there")
    objects = {new.tag: _object(root, new) for new in made}
    if where := remote(root):
        try:
            named = [f"{content}:refs/tags/{tag}" for tag, content in objects.items()]
            git(root, "push", "--quiet", "--atomic", where, *named)
        except ResourceError as error:
            raise _refused(root, where, list(objects), error) from None
    for tag, content in objects.items():
        git(root, "update-ref", f"refs/tags/{tag}", content)
    return [found for found in read(root) if found.tag in objects]


def _refused(root: Path, where: str, wanted: list[str], error: ResourceError) -> CheckError | ResourceError:
    """Why a push did not go through: the remote has such a tag by now, or it cannot be reached."""
    nothing = "so nothing is recorded"
    try:
        there = git(root, "ls-remote", "--tags", where, *wanted, timeout=ASK_SECONDS).split()
    except ResourceError:
        there = []
    if taken := [tag for tag in wanted if f"refs/tags/{tag}" in there]:
        again = f"look again: git fetch --tags {where}"
        return CheckError(f"somebody was quicker: {where} has {taken[0]} by now, {nothing}; {again}")
    return ResourceError(f"{', '.join(wanted)} could not be pushed to {where}, {nothing} ({error})")


def _object(root: Path, new: NewTag) -> str:
    """Store a tag object to which no name leads yet; its hash."""
    who = git(root, "var", "GIT_COMMITTER_IDENT")
    commit = git(root, "rev-parse", "--verify", f"{new.commit}^{{commit}}")
    text = f"object {commit}\ntype commit\ntag {new.tag}\ntagger {who}\n\n{new.message.strip()}\n"
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "tag")
        file.write_text(text, encoding="utf-8", newline="\n")
        return git(root, "hash-object", "-t", "tag", "-w", str(file))


def fetch(root: Path, name: str) -> None:
    """Bring a model's tags from the remote, with the commits that they name, also into a shallow clone.

    Raises:
        ResourceError: the remote cannot be asked, or has another tag of the same name than this clone.
    """
    if not (where := remote(root)):
        return
    wanted = [f"refs/tags/{in_tag(name)}{kind}*" for kind in "@#"]
    try:
        git(root, "fetch", "--quiet", "--no-tags", where, *(f"{ref}:{ref}" for ref in wanted), timeout=ASK_SECONDS)
    except ResourceError as error:
        raise ResourceError(f"what is released cannot be asked of {where}: {error}") from None


def remote(root: Path) -> str | None:
    """The remote that others look at: origin, else the only one; None where there is none.

    Raises:
        ResourceError: there are several, and none is called origin.
    """
    names = git(root, "remote").split()
    if len(names) > 1 and "origin" not in names:
        raise ResourceError(f"which remote is everybody's? Name it origin: git remote rename {names[0]} origin")
    return None if not names else "origin" if "origin" in names else names[0]
