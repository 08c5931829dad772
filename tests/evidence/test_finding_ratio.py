"""Likelihood ratios of a finding: rates of known works become ratios, words, and a section of the report."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from explorer.evidence import ratio_words
from explorer.evidence.finding_ratio import (
    FILE,
    FlagCount,
    ReferenceRates,
    as_file,
    finding_ratios,
    fit_and_judge,
    ratios_of,
    stored_rates,
)
from explorer.evidence.likelihood import ratio_of_shares
from explorer.findings.finding import WORLD_SOURCE, ControlResults, Finding, Measured
from explorer.records import Effort
from explorer.texts import languages, speaking

DICE = np.random.default_rng(4)
RATES = ReferenceRates(
    "policy", "f" * 64, "2026-11-30", seen={"1": FlagCount(40, 3), "256": FlagCount(40, 40)},
    unseen={"held_out": FlagCount(400, 20), "strangers": FlagCount(50, 0)},
    derived={"derived_256": FlagCount(40, 10)},
    scores={"256": fit_and_judge(DICE.normal(6, 1.5, 40), DICE.normal(0, 1.2, 400))})


def test_the_ratio_of_a_flag_is_the_share_of_seen_by_that_of_unseen_works():
    found = ratios_of(RATES, p=0.01, position=5.0)
    assert found.flagged and found.ratios["256"]["held_out"].value == pytest.approx(1 / 0.05)
    assert found.ratios["256"]["strangers"].bounded == "at_least"
    assert found.ratios["1"]["held_out"].low < 1 < found.ratios["1"]["held_out"].high
    other = ratios_of(RATES, p=0.3, position=0.0)
    assert other.ratios["256"]["held_out"].bounded == "at_most" and other.ratios["256"]["held_out"].value < 0.1
    assert other.ratios["1"]["held_out"].value == pytest.approx(37 / 40 / 0.95)


def test_the_continuous_ratio_is_capped_and_costed_on_works_that_it_was_not_fitted_on():
    one = RATES.scores["256"]
    assert one.cllr_min <= one.cllr < 0.3 and (one.seen_works, one.unseen_works) == (40, 400)
    far = ratios_of(RATES, p=0.0025, position=500.0).scores["256"]
    assert far.capped and far.log10 == one.ratio.high <= math.log10(401)
    assert not ratios_of(RATES, p=0.2, position=2.0).scores["256"].capped
    assert fit_and_judge([1.0] * 19, [0.0] * 400) is None
    noise = fit_and_judge(DICE.normal(size=200), DICE.normal(size=200))
    assert noise.cllr == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize("language", languages())
def test_numbers_come_first_words_second_and_nothing_is_concluded(language):
    with speaking(language):
        found = ratios_of(RATES, p=0.01, position=5.0)
        rows, said = ratio_words.rows(found), " ".join(ratio_words.sentences(found))
    assert [len(r) for r in rows] == [len(ratio_words.head(found))] * 2 and "20" in rows[1][2]
    assert "ENFSI" in said and "10 " in said
    assert not any(word in said for word in ("was in training with", "proves", "beweist"))


def test_what_is_said_names_the_sources_of_doubt():
    said = " ".join(ratio_words.sentences(ratios_of(RATES, p=0.01, position=5.0)))
    for words in ("not the chance that the work was in training", "by whom", "For another model", "scale of ENFSI",
                  "works of strangers: 0 of 50", "pictures made from works seen 256 times: 10 of 40"):
        assert words in said
    against = [r.value for r in ratios_of(RATES, p=0.01, position=5.0).against_derived["derived_256"].values()]
    assert against == pytest.approx([3 / 40 / 0.25, 4.0])
    assert "pictures made from works seen 256 times, the ratios lie between 0.3 and 4" in said


def test_a_prior_gives_a_chance_with_the_ratios_own_limits():
    ratio = ratio_of_shares(20, 40, 20, 400)
    said = ratio_words.posterior_words(0.5, [ratio], "256")
    for chance in (ratio.value, ratio.low, ratio.high):
        assert f"{100 * chance / (1 + chance):.1f}"[:3] in said


def stored(folder, controls=WORLD_SOURCE):
    (folder / FILE).write_text(json.dumps(as_file([RATES], world="w")), "utf-8")
    bank = ControlResults("c", controls, "f" * 64, "tiled_l2", Effort(16, 640, 1.0), tuple(map(str, range(100))),
                          tuple(0.3 + 0.001 * i for i in range(100)), policy="policy")
    test = Measured("q", "s", "policy", "a fox", 0.1, "r", Effort(16, 640, 1.0), {}, "c")
    return test, bank


def test_rates_are_read_for_their_own_model_and_controls_only(tmp_path):
    test, bank = stored(tmp_path)
    given = Finding("q", "s", "stands_out", "", {"p": 0.01})
    assert finding_ratios(tmp_path, test, given, bank).flagged
    assert finding_ratios(tmp_path, test, Finding("q", "s", "does_not_stand_out", "", {"p": 0.3}), bank) is None
    assert stored_rates(tmp_path, "policy", model_fingerprint="f" * 64) == RATES
    assert stored_rates(tmp_path, "policy", model_fingerprint="0" * 64) is None
    assert stored_rates(tmp_path, "other", model_fingerprint="f" * 64) is None
    assert finding_ratios(tmp_path, test, Finding("q", "s", "no_controls", ""), bank) is None
    assert finding_ratios(tmp_path, test, given, stored(tmp_path, "a folder")[1]) is None
    (tmp_path / FILE).write_text("{broken")
    assert finding_ratios(tmp_path, test, given, bank) is None
