"""From a subject's familiarity and its controls to one finding; numbers and sentences, light enough for screens."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from explorer.familiarity.records import KnownControls, MadeBy
from explorer.findings.control_fit import check_subject
from explorer.findings.finding import Finding
from explorer.findings.wording import number, percent
from explorer.statistics import rank_p_value, smallest_p
from explorer.texts import say

LIMITS = {"known": ("familiarity.not_member", "familiarity.look_alike", "controls", "law"),
          "not_known": ("familiarity.not_absent", "familiarity.words", "law"),
          "no_controls": ("familiarity.not_absent", "law"), "too_few": ("controls", "law"),
          "do_not_fit": ("controls", "law"), "exploratory": ("several", "law"), "made": ("familiarity.made", "law"),
          "set_known": ("familiarity.set", "controls", "law"),
          "set_not_known": ("familiarity.set", "familiarity.not_absent", "law")}


def judge(subject_id: str, value: float, *, ratio: float, evaluations: int, controls: KnownControls | None,
          features: Mapping[str, float], made_by: MadeBy, earlier_tests: int = 0, level: float = 0.05) -> Finding:
    """The finding on one subject. No p-value for a picture that the model may have made, after a test with other
    words, and without controls that fit."""
    base = {"value": value, "ratio": ratio, "evaluations": float(evaluations)}
    told = {"change": _change(ratio), "evaluations": number(evaluations)}
    if made_by.likely:
        return made_finding(subject_id, made_by)
    if earlier_tests:
        return _finding(subject_id, "exploratory", base, tests=number(earlier_tests), **told)
    if controls is None:
        return _finding(subject_id, "no_controls", base, **told)
    if controls.features and features:
        fit = check_subject(features, controls.features)
        if not fit.fits:
            return _finding(subject_id, "do_not_fit", base, why=fit.why, **told)
    mine, theirs = excesses(value, features, controls)
    p, count = rank_p_value(mine, theirs), len(theirs)
    least = smallest_p(count)
    below = sum(t < mine for t in theirs) / count
    numbers = base | {"p": p, "controls": float(count), "excess": mine, "below": below}
    if least > level:
        del numbers["p"]
        return _finding(subject_id, "too_few", numbers, controls=number(count), smallest=number(least),
                        level=number(level), **told)
    words = {"below": percent(below), "controls": number(count), "p": number(p), **told}
    return _finding(subject_id, "known" if p <= level else "not_known", numbers, **words)


def made_finding(subject_id: str, made_by: MadeBy) -> Finding:
    """What is said, in place of a p-value, of a picture that the model may have made."""
    signs = "; ".join(say(f"aside.familiarity.sign_{sign}") for sign in made_by.signs)
    return _finding(subject_id, "made", dict(made_by.values), signs=signs)


def excesses(value: float, features: Mapping[str, float], controls: KnownControls) -> tuple[float, list[float]]:
    """The subject's and the controls' familiarity over what their features let one expect."""
    expected = controls.expectation
    if expected is None or not is_adjusted(features, controls):
        return value, list(controls.values)
    pairs = zip(controls.values, controls.features, strict=True)
    return (expected.excess(value, features, better="higher"),
            [expected.excess(v, f, better="higher") for v, f in pairs])


def is_adjusted(features: Mapping[str, float], controls: KnownControls) -> bool:
    """Whether what features let one expect is taken off before ranking."""
    return (controls.expectation is not None and bool(features)
            and len(controls.features) == len(controls.values))


def both(reproduction_p: float, familiarity_p: float) -> float:
    """One p-value of the two answers to one question, fixed beforehand: Bonferroni's, in [0, 1]."""
    return min(1.0, 2 * min(reproduction_p, familiarity_p))


def set_finding(kind: str, numbers: Mapping[str, float], **values: object) -> Finding:
    """What a body of work's test says: "set_known" or "set_not_known" of `statement.familiarity`."""
    return _finding("", kind, dict(numbers), **values)


def _change(ratio: float) -> str:
    """How the error changed, in words."""
    return say("aside.familiarity.falls" if ratio < 1 else "aside.familiarity.rises", share=percent(abs(1 - ratio)))


def _finding(subject_id: str, kind: str, numbers: dict[str, float], **values: object) -> Finding:
    said = say(f"statement.familiarity.{kind}", **values)
    name = hashlib.sha256(f"{subject_id}\n{said}".encode()).hexdigest()[:16]
    return Finding(id=name, subject_id=subject_id, kind=f"familiarity_{kind}", statement=said, numbers=numbers,
                   limits=tuple(say(f"limit.{one}") for one in LIMITS[kind]))
