"""Likelihood ratios of a test of familiarity: what the stored benchmark counted, and nothing for another model."""

from __future__ import annotations

import dataclasses
import json

import pytest

from explorer.evidence import ratio_words
from explorer.evidence.known_ratio import BENCHMARK, known_ratios, one_like_it
from explorer.familiarity.familiarity_plan import PLANS
from explorer.familiarity.records import FamiliarityTest, KnownControls, MadeBy
from explorer.familiarity.stored import stored, world_controls
from explorer.findings.finding import Finding
from explorer.records import ModelRef, Neighbour
from explorer.texts import languages, speaking


def one_of(words, controls, p=0.01):
    return FamiliarityTest("t", "s", ModelRef("world", controls.model_fingerprint, "sd1"), PLANS[words].id, words,
                           ("a",), "a", 1.0, 0.9, 6, {}, controls.id,
                           Finding("t", "s", "known", "", {"p": p}), MadeBy(False))


@pytest.fixture(scope="module")
def controls(world):
    return world_controls(world, PLANS["caption"], model_fingerprint=stored(world)["model_fingerprint"])


@pytest.mark.parametrize("p,flagged", [(0.01, True), (0.5, False)])
def test_a_ratio_is_what_the_benchmark_counted(world, controls, p, flagged):
    found = known_ratios(world, one_of("caption", controls, p), controls)
    counted = json.loads((world / BENCHMARK).read_text("utf-8"))
    seen = counted["by_multiplicity"]["caption"]["4"]["flagged_at_5"]
    unseen = counted["by_source"]["caption"]["flagged_at_5"]["held_out"]
    shares = [one["share"] if flagged else 1 - one["share"] for one in (seen, unseen)]
    assert found.flagged == flagged
    assert found.ratios["4"]["held_out"].value == pytest.approx(shares[0] / shares[1])
    assert list(found.rates.seen) == ["1", "4", "16", "64", "256"] and "derived" in found.rates.derived


@pytest.mark.parametrize("language", languages())
def test_every_kind_has_words(world, controls, language):
    with speaking(language):
        found = known_ratios(world, one_of("caption", controls), controls)
        assert len(ratio_words.rows(found)) == 5 and len(ratio_words.sentences(found)) >= 6


def test_nothing_for_another_model_plan_or_control(world, controls):
    test = one_of("caption", controls)
    assert known_ratios(world, test, None) is None
    assert known_ratios(world, test, dataclasses.replace(controls, model_fingerprint="0" * 64)) is None
    assert known_ratios(world, test, dataclasses.replace(controls, source="a folder")) is None
    assert known_ratios(world, dataclasses.replace(test, plan="other"), controls) is None
    assert known_ratios(world, dataclasses.replace(test, words="nonsense"), controls) is None
    without = dataclasses.replace(test, finding=dataclasses.replace(test.finding, numbers={}))
    assert known_ratios(world, without, controls) is None
    assert isinstance(controls, KnownControls)


def test_a_known_picture_is_told_from_pictures_like_it(world, controls):
    test = one_of("caption", controls)
    known = dataclasses.replace(test, finding=dataclasses.replace(test.finding, kind="familiarity_known"))
    near = [Neighbour("s", n, "world", f"w{n}", value, title=title, creator=creator) for n, value, title, creator
            in ((1, 0.71, "Far", ""), (2, 0.93, "Near", "Ana"), (3, 0.5, "Third", "Bo"), (4, 0.4, "Fourth", "Cy"))]
    counted = json.loads((world / BENCHMARK).read_text("utf-8"))["by_source"]["caption"]["flagged_at_5"]["derived"]
    told = one_like_it(world, known, controls, near)
    assert told.index("“Near” by Ana") < told.index("“Far”") < told.index("Third") and "Fourth" not in told
    assert f"Of {counted['works']} pictures made after" in told
    assert str(round(counted["share"] * counted["works"])) in told
    assert "No collection was searched" in one_like_it(world, known, controls, [])
    elsewhere = one_like_it(world, known, dataclasses.replace(controls, source="a folder"), near)
    assert "Near" in elsewhere and "pictures made after" not in elsewhere  # measured on the bundled model only
    assert one_like_it(world, test, controls, near) == ""
