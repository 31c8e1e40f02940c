"""What tags say of versions and stages, and how versions follow each other."""

import random

from pipeline.registry.versions import Registry, Version, following, order


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
    assert following(registry("v2.0.0-rc.1")) == "v2.1.0"


def test_a_version_is_found_by_any_of_its_names() -> None:
    known = registry("v1.0.0", "v1.1.0")
    assert {known.find(name).version for name in ("v1.1.0", "1.1.0", "digits@v1.1.0")} == {"v1.1.0"}
