import numpy as np
import pytest

from explorer.familiarity.judge import both, excesses, judge
from explorer.familiarity.made_verdict import verdict
from explorer.familiarity.records import KnownControls, MadeBy
from explorer.findings.features import PREDICTORS, fit_expectation
from explorer.findings.wording import BANNED

DRAW = np.random.default_rng(0)
CONTROLS = KnownControls("c", "world", "f" * 64, "plan", tuple(map(str, range(99))), ("",) * 99,
                         tuple(np.linspace(-1, 1, 99)))
NOT_MADE = MadeBy(False)


def found(value, *, controls=CONTROLS, made=NOT_MADE, earlier=0, features=None):
    return judge("s", value, ratio=0.8, evaluations=12, controls=controls, features=features or {}, made_by=made,
                 earlier_tests=earlier)


def test_a_familiar_picture_is_ranked_and_said_in_plain_words():
    says = found(2.0)
    assert says.kind == "familiarity_known" and says.numbers["p"] == 0.01
    begins = ("The model's error on this picture falls more than on 100% of 99 control works "
              "when it is given these words (p = 0.01). With the words it falls by 20%.")
    assert says.statement.startswith(begins)
    assert found(0.0).kind == "familiarity_not_known" and "no more than chance allows" in found(0.0).statement
    assert not any(word in (says.statement + "".join(says.limits)).lower() for word in BANNED)


@pytest.mark.parametrize("changes, kind", [
    ({"controls": None}, "no_controls"), ({"earlier": 2}, "exploratory"),
    ({"made": MadeBy(True, ("round_trip",))}, "made"),
    ({"controls": KnownControls("c", "x", "", "", ("a",) * 9, ("",) * 9, (0.0,) * 9)}, "too_few")])
def test_no_p_value_without_controls_after_a_look_or_for_a_picture_that_the_model_may_have_made(changes, kind):
    says = found(2.0, **changes)
    assert says.kind == f"familiarity_{kind}" and "p" not in says.numbers


def test_what_features_let_one_expect_is_taken_off():
    table = [dict.fromkeys(PREDICTORS, 0.0) | {"size": float(x)} for x in np.linspace(0, 1, 60)]
    expected = fit_expectation(table, [f["size"] for f in table], names=PREDICTORS, ridge=1e-6)
    controls = KnownControls("c", "x", "", "", ("a",) * 60, ("",) * 60, tuple(f["size"] for f in table),
                             tuple(table), expected)
    mine, theirs = excesses(1.5, table[0] | {"size": 1.0}, controls)
    assert mine == pytest.approx(0.5, abs=1e-4) and np.allclose(theirs, 0, atol=1e-4)


def test_signs_that_a_model_made_a_picture():
    assert verdict(0.4, 0.5).signs == ("round_trip",)
    assert not verdict(0.6, 0.5, nearest=0.1).likely  # a near copy is no sign
    assert verdict(0.6, 0.5, nearest=0.001).signs == ("replay",)
    assert verdict(None, None, says_so=True).signs == ("metadata",)
    unknown = verdict(-9.0, None)
    assert not unknown.likely and not unknown.measured


def test_two_answers_to_one_question_are_not_the_smaller_of_two():
    assert both(0.01, 0.4) == 0.02 and both(0.9, 0.8) == 1.0
