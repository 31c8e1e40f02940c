"""Versions and stages of a model as Git tags in GTO's grammar: `digits@v1.2.0`, `digits#prod#3`; read, and written."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ResourceError
from pipeline.repository.git import git

NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
GRAMMAR = re.compile(
    rf"(?P<name>(?:[\w./-]+=)?{NAME})(?:#(?P<stage>{NAME})|@(?P<version>v\d+\.\d+\.\d+[\w.+-]*))(?P<undone>!?)(?:#(?P<number>\d+))?"
)
FIELDS = "%(refname:strip=2)%00%(objectname)%00%(*objectname)%00%(creatordate:iso-strict)"
HOLDOUT = "holdout"  # the stage of a model that was judged on the rows held back


@dataclass(frozen=True)
class Tag:
    """One step of a model's life: `commit` became a version, or reached a stage; `undone`: is it no more.

    `number` counts the steps of a model, over all its stages; 0 where the tag has none. `when`: ISO 8601.
    """

    tag: str
    name: str
    stage: str | None
    version: str | None
    undone: bool
    number: int
    commit: str
    when: str


def read(root: Path) -> list[Tag]:
    """All tags in GTO's grammar, the newest last; other tags are nobody's business here.

    Raises:
        ResourceError: this is no Git repository.
    """
    found = []
    for line in git(root, "for-each-ref", f"--format={FIELDS}", "refs/tags").splitlines():
        tag, of_tag, of_commit, when = line.split("\0")
        if match := GRAMMAR.fullmatch(tag):
            name, number = match["name"].replace("=", ":"), int(match["number"] or 0)
            step = match["stage"], match["version"], bool(match["undone"])
            found.append(Tag(tag, name, *step, number, of_commit or of_tag, when))
    return sorted(found, key=lambda tag: (tag.number, tag.when))


def model(root: Path, name: str) -> str:
    """The name that GTO gives a model of the pipeline in `root`: with the folder, where that is not Git's root."""
    folder = git(root, "rev-parse", "--show-prefix").rstrip("/")
    return f"{folder}:{name}" if folder else name


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


def write_stage(root: Path, name: str, stage: str, commit: str, message: str) -> Tag:
    """Record that a commit's model reached a stage: an annotated tag, here and on the remote, or nowhere.

    Two that do so at once get the same number, and the second one's push is refused. Without a remote it stays here.

    Raises:
        ResourceError: the tag could not be made or pushed; nothing is recorded then.
    """
    number = 1 + max((tag.number for tag in read(root) if tag.name == name), default=0)
    tag = f"{name.replace(':', '=')}#{stage}#{number}"
    git(root, "tag", "--annotate", "--message", message, tag, commit)
    if where := remote(root):
        try:
            git(root, "push", "--quiet", "--atomic", where, f"refs/tags/{tag}")
        except ResourceError as error:
            git(root, "tag", "--delete", tag)
            raise ResourceError(
                f"{tag} could not be pushed to {where}, so nothing is recorded; if somebody was quicker:"
                f" git fetch --tags {where}, and look again ({error})"
            ) from None
    return next(found for found in read(root) if found.tag == tag)


def remote(root: Path) -> str | None:
    """The remote that others look at: origin, else the only one; None where there is none.

    Raises:
        ResourceError: there are several, and none is called origin.
    """
    names = git(root, "remote").split()
    if len(names) > 1 and "origin" not in names:
        raise ResourceError(f"which remote is everybody's? Name it origin: git remote rename {names[0]} origin")
    return None if not names else "origin" if "origin" in names else names[0]
