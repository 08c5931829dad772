"""A finding's likelihood ratios in words and rows, for screen and report: numbers first, words second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from explorer.evidence.finding_ratio import FindingRatios, FlagCount, ScoreReading
from explorer.evidence.likelihood import Ratio, cautious, posterior, verbal, weakest
from explorer.findings.wording import at_most, number, percent
from explorer.texts import say, texts_of


def rows(found: FindingRatios) -> list[tuple[str, ...]]:
    """By copies in training: the share of such works with this result, and the ratio against each unseen kind."""
    kinds = list(found.rates.unseen)
    told = []
    for copies, by_kind in found.ratios.items():
        some = next(iter(by_kind.values()))
        cells = [_ratio(by_kind[k]) if k in by_kind else say("likelihood.says_nothing") for k in kinds]
        reading = found.scores.get(copies)
        seen = say("likelihood.share", share=percent(some.seen_share), works=some.seen_works)
        by_score = _score(reading) if reading else say("likelihood.not_fitted")
        told.append((copies_words(copies), seen, *cells, by_score))
    return told


def head(found: FindingRatios) -> tuple[str, ...]:
    """The columns of `rows`."""
    kinds = texts_of("likelihood_kind")
    against = (say("likelihood.head_ratio", kind=kinds[k]) for k in found.rates.unseen)
    return say("likelihood.head_copies"), say("likelihood.head_seen"), *against, say("likelihood.head_score")


def unseen_words(found: FindingRatios) -> str:
    """How often works that were not in training gave this result, by kind; and pictures derived from seen ones."""
    return say("likelihood.unseen", shares=_shares(found, {**found.rates.unseen, **found.rates.derived}))


def unseen_in_short(found: FindingRatios) -> str:
    """The same without derived pictures and without controls, for a first page."""
    return say("likelihood.unseen_short", shares=_shares(found, {
        kind: counted for kind, counted in found.rates.unseen.items() if kind != "controls"}))


def _shares(found: FindingRatios, kinds: Mapping[str, FlagCount]) -> str:
    names, told = texts_of("likelihood_kind"), []
    for kind, counted in kinds.items():
        hits = counted.flagged if found.flagged else counted.works - counted.flagged
        told.append(say("likelihood.unseen_share", kind=names[kind], hits=hits, works=counted.works,
                        share=percent(hits / counted.works)))
    return "; ".join(told)


def sentences(found: FindingRatios) -> list[str]:
    """What is compared, the verbal line with its scale, and what a ratio is not; each one sentence or two."""
    result = say("likelihood.result_flagged" if found.flagged else "likelihood.result_not_flagged")
    said = [say("likelihood.propositions"), say("likelihood.result", result=result), unseen_words(found)]
    said += [*_derived_words(found), verbal_words(found)] if found.ratios else []
    return [*said, say("likelihood.transposed"), say("likelihood.no_source"),
            say("likelihood.measured", date=found.rates.date, fingerprint=found.rates.model_fingerprint[:12])]


def verbal_words(found: FindingRatios) -> str:
    """What each count of copies says at least, on ENFSI's scale; counts that say the same stand together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for copies, kinds in found.ratios.items():
        least = cautious(weakest(kinds.values()))
        step = verbal(least)
        side = "none" if step == "none" else "for" if least >= 1 else "against"
        groups.setdefault((side, step), []).append(copies_words(copies))
    words = texts_of("likelihood_scale")
    return say("likelihood.verbal", steps="; ".join(
        say(f"likelihood.verbal_{side}", step=words[step], copies=", ".join(copies))
        for (side, step), copies in groups.items()))


def cost_words(reading: ScoreReading, copies: str) -> str:
    """What the continuous ratio cost on works that it was not fitted on."""
    fitted = reading.fitted
    return say("likelihood.cost", copies=copies_words(copies), cllr=number(fitted.cllr),
               least=number(fitted.cllr_min), seen=fitted.seen_works, unseen=fitted.unseen_works)


def _derived_words(found: FindingRatios) -> list[str]:
    """How large the ratios are if the other work is a picture made from seen ones."""
    told = []
    for kind, by_copies in found.against_derived.items():
        values = [ratio.value for ratio in by_copies.values()]
        told.append(say("likelihood.against_derived", kind=texts_of("likelihood_kind")[kind],
                        least=number(min(values)), most=number(max(values))))
    return told


def posterior_words(prior: float, kinds: Iterable[Ratio], copies: str) -> str:
    """What follows from the reader's own prior in (0, 1) and the ratio that says least, with its limits."""
    ratio = weakest(kinds)
    chance, low, high = (posterior(prior, r) for r in (ratio.value, ratio.low, ratio.high))
    return say("likelihood.posterior", chance=percent(chance), low=percent(low), high=at_most(high),
               copies=copies_words(copies))


def copies_words(copies: str) -> str:
    """A count of copies in training, as a word or two."""
    named = texts_of("likelihood_copies")
    return named[copies] if copies in named else say("likelihood.times", n=int(copies))


def _ratio(ratio: Ratio) -> str:
    if ratio.bounded:
        works = ratio.unseen_works if ratio.bounded == "at_least" else ratio.seen_works
        return say(f"likelihood.ratio_{ratio.bounded}", value=number(ratio.value), works=works)
    return say("likelihood.ratio_plain", value=number(ratio.value), low=number(ratio.low), high=number(ratio.high))


def _score(reading: ScoreReading) -> str:
    value = number(10 ** reading.log10)
    return say("likelihood.score_capped" if reading.capped else "likelihood.score", value=value)
