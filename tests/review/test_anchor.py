"""What pairwise comparisons cannot see: losses that add up, and how often rows were looked at."""

import json

import numpy as np
import pytest

from pipeline.comparison.looks import ANCHOR_LOOKS, anchor_confidence, confidence
from pipeline.comparison.proportions import PairedProportions
from pipeline.params import read_params
from pipeline.review.anchor import find_anchor
from pipeline.review.assemble import assemble
from pipeline.review.show import words
from tests.conftest import Clone
from tests.repository.small import set_param


def train(clone: Clone, skill: float) -> None:
    set_param(clone, "train.arguments.skill", skill)
    clone.run("dvc", "repro")


@pytest.mark.slow  # reports over several commits
def test_a_loss_that_came_in_steps_is_seen_against_the_released_version(results: Clone) -> None:
    results.run("git", "tag", "digits#prod#1")
    set_param(results, "gate", [{"metric": "accuracy", "regression": 0.08, "against": "anchor"}])
    train(results, 0.82)
    results.commit("a little worse")
    train(results, 0.81)
    found = assemble(results.path, None, None, 0)
    assert found.anchor is not None and found.anchor.result is not None
    assert (found.anchor.name, found.anchor.look, found.anchor.of) == ("digits#prod#1", 2, 25)
    assert found.anchor.result.verdict == "worse" and found.anchor.result.confidence == pytest.approx(0.998)
    assert "but worse than digits#prod#1" in words.title(found)
    assert "look 2 of 25" in (words.anchor(found) or "") and "99.8 % interval" in (words.anchor(found) or "")
    [outcome] = found.gate
    assert outcome.status == "fails" and "than the anchor" in outcome.rule and found.failures
    assert outcome.harmless is not None

    assert found.looks is not None and (found.looks.models, found.looks.number) == (3, 2)
    assert found.looks.adjusted is not None and found.looks.adjusted.confidence == pytest.approx(0.975)
    assert "these test rows have judged 3 models; allowing for all of them" in (words.looks(found) or "")
    assert found.one_training and "one training against one" in words.effect(found)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.slow  # reports over several commits
def test_looks_can_divide_the_level_and_an_anchor_can_be_named(results: Clone) -> None:
    first = results.run("git", "rev-parse", "HEAD").stdout.strip()
    train(results, 0.85)
    results.commit("a little worse")
    train(results, 0.82)
    set_param(results, "review.looks", "adjust")
    set_param(results, "review.anchor", first)
    found = assemble(results.path, None, None, 0)
    assert found.comparison is not None and found.comparison.confidence == pytest.approx(0.975)
    assert "97.5 % interval" in words.effect(found) and "the level allows for 2 comparisons" in (
        words.looks(found) or ""
    )
    assert found.anchor is not None and (found.anchor.commit, found.anchor.look) == (first, 2)


def test_without_a_tag_or_a_key_there_is_no_anchor_and_a_tag_comes_before_the_key(results: Clone) -> None:
    assert find_anchor(results.path, read_params(results.path / "params.yaml")) is None
    first = results.run("git", "rev-parse", "HEAD").stdout.strip()
    set_param(results, "review.anchor", "HEAD")
    second = results.commit("anchor")
    assert find_anchor(results.path, read_params(results.path / "params.yaml")) == ("HEAD", second)
    results.run("git", "tag", "-a", "-m", "released", "digits#prod#4", first)
    assert find_anchor(results.path, read_params(results.path / "params.yaml")) == ("digits#prod#4", first)


def wrong_and_found(n: int, discordant: float, loss: float, runs: int, seed: int = 0) -> np.ndarray:
    """At which look (of 25; 0: none) the head is called other than the anchor, in each of so many runs.

    Every head differs from the anchor in its own share of rows, and has lost `loss` of the rows more with each look.
    """
    random = np.random.default_rng(seed)
    alpha, first = 1 - anchor_confidence(), np.zeros(runs, dtype=int)
    for run in range(runs):
        right = random.random(n) < 0.95
        for look in range(1, ANCHOR_LOOKS + 1):
            flips = np.where(right, discordant / 2 / 0.95 + look * loss / 0.95, discordant / 2 / 0.05)
            flipped = random.random(n) < flips
            lost, gained = int((right & flipped).sum()), int((~right & flipped).sum())
            if PairedProportions(n, n - lost - gained, lost, gained).p < alpha:
                first[run] = look
                break
    return first


def test_25_looks_at_the_anchor_err_in_one_series_of_twenty_at_most() -> None:
    runs = 400
    assert np.mean(wrong_and_found(437, 0.05, 0.0, runs) > 0) <= 0.05 + 2 * (0.05 * 0.95 / runs) ** 0.5


def test_small_losses_are_found_within_ten_pull_requests() -> None:
    """2,000 rows, 5 % of which differ, and 0.2 points lost with every pull request."""
    found = wrong_and_found(2000, 0.05, 0.002, 101)
    assert (found > 0).all() and np.median(found) <= 10


def test_the_level_of_many_looks_is_bonferronis() -> None:
    assert confidence(1) == 0.95 and confidence(5) == pytest.approx(0.99) and confidence(0) == 0.95
