"""From a subject's best replay and its controls to one finding; decides nothing that it does not say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from explorer.closeness.ledger import supplied_by_you, total_bits
from explorer.findings.control_fit import Fit, check_subject
from explorer.findings.finding import WORLD_SOURCE, ControlResults, ErrorRate, Finding, Measured
from explorer.findings.ranking import FEWEST_MATCHED, ONE_SPREAD_SINCE, comparable, excesses, matched
from explorer.findings.wording import at_most, limits, number, percent, statement
from explorer.records import Effort, LedgerEntry, Replay
from explorer.records.scores import SCORES, shown
from explorer.statistics import controls_needed, rank_p_value, smallest_p
from explorer.texts import say


def judge(subject_id: str, best: Replay | None, effort: Effort, *, score: str,
          ledger: Sequence[LedgerEntry] = (), controls: ControlResults | None = None,
          features: Mapping[str, float] | None = None, level: float = 0.05,
          error_rate: ErrorRate | None = None) -> Finding:
    """The finding on one subject: what its closest replay means beside the controls.

    `effort` is the whole search's; `features` the subject's model-free ones (needed with controls that
    have theirs). No p-value without controls, with controls that do not fit, or for a replay that was given a
    starting image, noise or words made for it, however small their share of the bits. With adapters the finding is
    of the model with them, and says so.
    """
    if best is None:
        return _finding(subject_id, "not_run", {}, {})
    value, words = best.closeness[score], {"value": shown(score, best.closeness[score]),
                                           "score": _score_words(score)}
    spent = {"tries": number(effort.tries), "evaluations": number(effort.unet_evaluations)}
    base = {"value": value, "tries": float(effort.tries)}
    recipe = best.recipe
    if any(given is not None for given in (recipe.start_sha256, recipe.noise_blob, recipe.embedding_blob)):
        bits, share = total_bits(ledger), supplied_by_you(ledger)
        words |= {"bits": number(bits, 4), "share": percent(share)}
        found = _finding(subject_id, "supplied_by_you", {**base, "bits": bits, "share": share}, words, best)
        return found if recipe.embedding_blob is None else replace(found, statement=statement("in_words", **words))
    if controls is None or not controls.values:
        return _finding(subject_id, "no_controls", base, {**words, **spent}, best)
    fit = _fit(features, controls)
    if fit is not None and not fit.fits:
        return _finding(subject_id, "controls_do_not_fit", base, {**words, **spent, "why": fit.why}, best)
    return _ranked(subject_id, best, controls, features, score=score, level=level, words={**words, **spent},
                   base=base, error_rate=error_rate)


def judge_measured(measured: Measured, best: Replay, controls: ControlResults | None, *, score: str,
                   level: float = 0.05, error_rate: ErrorRate | None = None) -> Finding:
    """The finding of a measured test, under its id; exploratory, without a p-value, after a different test.

    ValueError for controls of another policy or model: they were not searched alike.
    """
    found = _judged(measured, best, controls, score=score, level=level, error_rate=error_rate)
    return replace(_among_others(found, measured), id=measured.id)  # two tests may say the same


def _among_others(found: Finding, measured: Measured) -> Finding:
    """Beside a p-value, how many tests of other works or models there were, and Bonferroni's bound over all."""
    others = measured.other_models + measured.other_works
    if "p" not in found.numbers or not others:
        return found
    bound = min(1.0, (1 + others) * found.numbers["p"])
    beside = say("limit.looks", models=measured.other_models, works=measured.other_works,
                 tests=number(1 + others), bound=number(bound))
    return replace(found, numbers={**found.numbers, "tests": 1.0 + others, "p_bound": bound},
                   limits=(beside, *found.limits))


def _judged(measured: Measured, best: Replay, controls: ControlResults | None, *, score: str, level: float,
            error_rate: ErrorRate | None) -> Finding:
    if measured.earlier_tests or measured.caption_late:
        kind = "exploratory" if measured.earlier_tests else "caption_late"
        tests = {"tests": number(measured.earlier_tests)} if measured.earlier_tests else {}
        return _finding(measured.subject_id, kind, {"value": measured.value}, {
            "value": shown(score, measured.value), "score": _score_words(score), **tests,
            "tries": number(measured.effort.tries),
            "evaluations": number(measured.effort.unet_evaluations)}, best)
    if controls is not None and (controls.policy, controls.model_fingerprint) != (
            measured.policy, best.recipe.model.fingerprint):
        raise ValueError("subject and controls were not put through the same search")
    return judge(measured.subject_id, best, measured.effort, score=score, controls=controls,
                 features=measured.features, level=level, error_rate=error_rate)


def _fit(features: Mapping[str, float] | None, controls: ControlResults) -> Fit | None:
    if features is None or not controls.features:
        return None
    return check_subject(features, controls.features)


def _ranked(subject_id: str, best: Replay, controls: ControlResults,
            features: Mapping[str, float] | None, *, score: str, level: float, words: dict[str, str],
            base: dict[str, float], error_rate: ErrorRate | None) -> Finding:
    if not comparable(features, controls):
        few = {k: words[k] for k in ("value", "score", "tries")}
        count = len(matched(features, controls)) if features is not None else 0
        return _finding(subject_id, "controls_not_matched", {**base, "controls": float(count)}, {
            **few, "controls": number(len(controls.values)), "matched": number(count),
            "needed": number(FEWEST_MATCHED)}, best)
    mine, theirs = excesses(best.closeness[score], features, controls)
    p, count = rank_p_value(mine, theirs), len(theirs)
    at_least = sum(t >= mine for t in theirs)
    numbers = {**base, "p": p, "controls": float(count), "at_least": float(at_least), "excess": mine}
    by = (say("aside.by_world") if controls.source == WORLD_SOURCE
          else say("aside.by_chooser", source=controls.source))
    words = {**words, "controls": number(count)}
    if smallest_p(count) > level:
        few = {k: words[k] for k in ("value", "score", "tries", "controls")}
        return _finding(subject_id, "too_few_controls", numbers, {
            **few, "smallest": number(smallest_p(count)), "level": number(level),
            "needed": number(controls_needed(level))}, best)
    allowing = say("aside.allowing") if controls.expectation is not None and features is not None else ""
    if count < len(controls.values):
        allowing = say("aside.matched", all=number(len(controls.values)))
    words |= {"at_least": number(at_least), "p": number(p), "allowing": allowing, "by": by}
    kind = "stands_out" if p <= level else "does_not_stand_out"
    if kind == "stands_out":
        words["smallest"] = number(smallest_p(count))
    return _finding(subject_id, kind, numbers, words, best, rate=_rate(error_rate, best, kind))


def _rate(rate: ErrorRate | None, best: Replay, kind: str) -> str:
    """How often this answer is wrong: unseen works flagged if it stands out, seen ones missed if it does not."""
    if rate is None or rate.model_fingerprint != best.recipe.model.fingerprint:
        return say("error_rate.elsewhere")
    said = missed_words(rate) if kind == "does_not_stand_out" and rate.missed else error_rate_words(rate)
    return said if rate.date >= ONE_SPREAD_SINCE else f"{said.removesuffix('.')}; {say('error_rate.earlier_rule')}."


def missed_words(rate: ErrorRate) -> str:
    """What the rule misses, as a sentence."""
    shares = [say("aside.missed_once" if n == 1 else "aside.missed_times", n=number(n),
                  share=percent(round(share, 2)), high=at_most(high, 2)) for n, share, high in rate.missed]
    missed = say("aside.and", most=", ".join(shares[:-1]), last=shares[-1])
    return say("error_rate.missed", rule=rate.rule, missed=missed,
               date=rate.date, fingerprint=rate.model_fingerprint[:12])


def error_rate_words(rate: ErrorRate) -> str:
    """A measured error rate as a sentence; with what was refused and what one bank of controls may truly flag."""
    said = say("error_rate.measured", rule=rate.rule, share=percent(rate.share), cases=number(rate.cases),
               low=percent(rate.low), high=at_most(rate.high), measured_on=rate.measured_on, date=rate.date,
               fingerprint=rate.model_fingerprint[:12])
    if not rate.given:
        return said
    return said.removesuffix(".") + "; " + say(
        "error_rate.given", given=number(rate.given), cases=number(rate.cases), share=percent(rate.share_given),
        low=percent(rate.bank_low), high=at_most(rate.bank_high)) + "."


def _score_words(score: str) -> str:
    info = SCORES[score]
    end = info.high if info.better == "higher" else info.low
    label = info.label[0].lower() + info.label[1:] if info.label[1:2].islower() else info.label
    return say("aside.same_picture", label=label, end=number(end))


def _finding(subject_id: str, kind: str, numbers: dict[str, float], words: dict[str, str],
             best: Replay | None = None, *, rate: str = "") -> Finding:
    said = statement(kind, **words)
    adapters = best.recipe.model.adapters if best else ()
    more = (say("limit.adapters", names=", ".join(a.name for a in adapters)),) if adapters else ()
    name = hashlib.sha256(f"{subject_id}\n{said}".encode()).hexdigest()[:16]
    return Finding(id=name, subject_id=subject_id, kind=kind, statement=said, numbers=numbers,
                   error_rate=rate or say("error_rate.none"), limits=more + limits(kind),
                   replay_id=best.id if best else "")
