"""A case's works as one body of work: which tests count, and what the set rule says of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

from explorer.cases.view import CaseView
from explorer.familiarity.body_of_work import LEAST_ARTISTS, judge_set, kinship
from explorer.familiarity.folder_controls import artist_of
from explorer.familiarity.judge import excesses, set_finding
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.findings.case_tests import portfolio_of
from explorer.findings.finding import ControlResults, Measured
from explorer.findings.judge import excesses as closeness_excesses
from explorer.findings.wording import number, percent

LEVEL = 0.05


def bodies(case: CaseView, artists: Mapping[str, str], *, one_artist: bool = True) -> list[BodyTest]:
    """The set rule on a case's works: of familiarity, and of the measured test, where at least two have controls.

    `artists` names control works' artists where that is known; others go by their folders. With `one_artist` all
    works count as one artist's, which is the careful reading; otherwise each as another's.
    """
    found = (_familiar(case, one_artist), _reproduced(case, artists, one_artist))
    return [body for body in found if body is not None]


def _familiar(case: CaseView, one_artist: bool) -> BodyTest | None:
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
    return _judged("familiarity", {s: one for s, (one, _) in mine.items()}, next(iter(mine.values()))[1],
                   controls.artists, one_artist)


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
