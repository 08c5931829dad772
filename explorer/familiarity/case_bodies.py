"""A case's works as one body of work: which tests count, and what the set rule says of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from explorer.cases.view import CaseView
from explorer.familiarity.body_of_work import LEAST_ARTISTS, judge_set, kinship, power
from explorer.familiarity.familiarity_plan import PLANS
from explorer.familiarity.folder_controls import artist_of
from explorer.familiarity.judge import excesses, set_finding
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.familiarity.stored import seen_excesses, stored, world_controls
from explorer.findings.case_tests import portfolio_of
from explorer.findings.closeness_finding import excesses as closeness_excesses
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.wording import number, percent
from explorer.texts import say

LEVEL = 0.05


def bodies(case: CaseView, artists: Mapping[str, str], *, world: Path, one_artist: bool = True) -> list[BodyTest]:
    """The set rule on a case's works: of familiarity, and of the measured test, where at least two have controls.

    `artists` names control works' artists where that is known; others go by their folders. With `one_artist` all
    works count as one artist's, which is the careful reading; otherwise each as another's. `world` is the folder of
    the bundled world, for whose model the power is known.
    """
    found = (_familiar(case, world, one_artist), _reproduced(case, artists, one_artist))
    return [body for body in found if body is not None]


def _familiar(case: CaseView, world: Path, one_artist: bool) -> BodyTest | None:
    tests = [t for t in case.records(FamiliarityTest)
             if t.controls_id and not t.earlier_tests and not t.made_by.likely]
    chosen = Counter(t.controls_id for t in tests).most_common(1)[0][0] if tests else ""
    controls = case.record(KnownControls, chosen)
    if controls is None:
        return None
    first: dict[str, FamiliarityTest] = {}
    for test in tests:
        if test.controls_id == chosen:
            first.setdefault(test.subject_id, test)
    mine = {s: excesses(t.value, t.features, controls) for s, t in first.items()}
    theirs = next(iter(mine.values()))[1]
    found = _judged("familiarity", {s: one for s, (one, _) in mine.items()}, theirs, controls.artists, one_artist)
    told = power_words(world, controls, theirs, works=len(mine), one_artist=one_artist)
    return found and replace(found, power=told)


def power_before(world: Path, works: int, *, bundled: bool, words: str = "caption") -> str:
    """The same before anything is tested, from the bundled world's own controls; not known for another model."""
    plan, mark = PLANS[words], stored(world).get("model_fingerprint", "")
    controls = world_controls(world, plan, model_fingerprint=mark) if bundled else None
    if controls is None or not controls.features:
        return say("statement.familiarity.set_power_unknown")
    theirs = excesses(controls.values[0], controls.features[0], controls)[1]
    return power_words(world, controls, theirs, works=works)


def power_words(world: Path, controls: KnownControls, theirs: Sequence[float], *, works: int,
                one_artist: bool = True) -> str:
    """How often a body of so many works, each seen once, would be noticed; for another model that it is not known.

    `theirs` are the controls' excesses.
    """
    plan = next((p for p in PLANS.values() if p.id == controls.plan), None)
    seen = seen_excesses(world, plan, model_fingerprint=controls.model_fingerprint).get("1", ()) if plan else ()
    if not seen or len(set(controls.artists)) < LEAST_ARTISTS:
        return say("statement.familiarity.set_power_unknown")
    share = power(kinship(theirs, controls.artists), seen, works, level=LEVEL, one_artist=one_artist)
    return say("statement.familiarity.set_power", works=number(works), share=percent(share))


def _reproduced(case: CaseView, artists: Mapping[str, str], one_artist: bool) -> BodyTest | None:
    together = portfolio_of(case)
    made = {t.subject_id for t in case.records(FamiliarityTest) if t.made_by.likely}
    rows = [r.work for r in together.rows if r.work.subject_id not in made] if together else []
    tests = {t.subject_id: t for t in case.records(Measured) if t.controls_id}
    controls = case.record(ControlResults, tests[rows[0].subject_id].controls_id) if rows else None
    if controls is None:
        return None
    mine = {w.subject_id: closeness_excesses(w.value, w.features or None, controls) for w in rows}
    hands = tuple(artists.get(name, artist_of(name)) for name in controls.names)
    return _judged("reproduction", {s: one for s, (one, _) in mine.items()}, next(iter(mine.values()))[1], hands,
                   one_artist)


def _judged(of: str, mine: Mapping[str, float], theirs: Sequence[float], artists: Sequence[str],
            one_artist: bool) -> BodyTest | None:
    if len(mine) < 2 or len(set(artists)) < LEAST_ARTISTS:
        return None
    found = judge_set(list(mine.values()), [""] * len(mine) if one_artist else list(mine), kinship(theirs, artists))
    words = {"works": number(found.works), "artists": number(found.artists), "controls": number(len(theirs)),
             "control_artists": number(found.control_artists), "share": percent(found.p), "p": number(found.p)}
    kind = "set_known" if found.p <= LEVEL else "set_not_known"
    said = set_finding(kind, {"p": found.p, "excess": found.excess, "works": float(found.works)}, **words,
                       **({"smallest": number(found.smallest)} if kind == "set_known" else {}))
    name = hashlib.sha256("\n".join([of, *mine, *map(str, theirs)]).encode()).hexdigest()[:24]
    return BodyTest(name, of, "", tuple(mine), found.p, found.smallest, found.artists, found.control_artists,
                    found.shared, found.excess, said)
