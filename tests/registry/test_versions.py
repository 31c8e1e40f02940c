"""What tags say of versions and stages, and how versions follow each other."""

import random
from dataclasses import replace

import pytest

from pipeline.registry.versions import Registry, Version, following, order
from pipeline.repository.tags import Tag, at_stage


def registry(*versions: str) -> Registry:
    found = [Version(name, f"digits@{name}", f"{place}" * 40, "", "", {}) for place, name in enumerate(versions)]
    return Registry("digits", (), tuple(sorted(found, key=lambda v: order(v.version), reverse=True)), {})


def test_versions_stand_in_the_order_of_semver() -> None:
    """The example of semver.org, and numbers that are no text."""
    right = [
        "v1.0.0-alpha",
        "v1.0.0-alpha.1",
        "v1.0.0-beta",
        "v1.0.0-beta.2",
        "v1.0.0-beta.11",
        "v1.0.0-rc.1",
        "v1.0.0",
    ]
    right += ["v1.2.0", "v1.10.0", "v2.0.0"]
    mixed = random.Random(0).sample(right, len(right))
    assert sorted(mixed, key=order) == right


def test_the_next_version_is_the_highest_ones_next_minor() -> None:
    assert following(registry()) == "v1.0.0"
    assert following(registry("v1.9.3", "v1.10.1", "v0.3.0")) == "v1.11.0"
    assert following(registry("v2.0.1-rc.1", "v1.9.0")) == "v2.0.1"
    back = Tag("digits@v1.1.0!#1", "digits", None, "v1.1.0", True, 1, "a" * 40, "")
    assert following(replace(registry("v1.0.0"), steps=(back,))) == "v1.2.0", "what was taken back is not made again"


def test_a_version_is_found_by_any_of_its_names() -> None:
    known = registry("v1.0.0", "v1.1.0")
    assert {known.find(name).version for name in ("v1.1.0", "1.1.0", "digits@v1.1.0")} == {"v1.1.0"}


def at_prod(*steps: str) -> Registry:
    """What stood at prod one after the other: a commit, one that was gone back to (<a), or taken back (!a)."""
    said = {"<": "digits back to v1.0.0 at prod"}
    made = [
        Tag(f"{step}#{number}", "digits", "prod", None, step[0] == "!", number, step[-1], "", "", said.get(step[0], ""))
        for number, step in enumerate(steps, start=1)
    ]
    now = at_stage(made, "digits", "prod")
    return Registry("digits", tuple(made), (), {"prod": now} if now else {})


@pytest.mark.parametrize(
    ("steps", "before"),
    [
        ("a", None),
        ("a b", "a"),
        ("a b <a", None),
        ("a b c <b", "a"),
        ("a b c <b <a", None),
        ("a b <a c", "a"),
        ("a b a", "b"),
        ("a b a <b", "a"),
        ("a b !b", None),
        ("a b c !c", "a"),
        ("", None),
    ],
)
def test_what_stood_before_is_not_what_was_gone_back_from(steps: str, before: str | None) -> None:
    found = at_prod(*steps.split()).before("prod")
    assert (found and found.commit) == before
