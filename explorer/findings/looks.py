"""Which looks at a picture came before a test of it: each may have shaped what is asked next.

Only one's own doing counts: the cases of this workspace, and packages that it exported itself and that came
back. A finished example or the other side's package is somebody else's look, whoever opens it here. A case made
from one of the program's own examples is a demonstration: it counts for nobody else, and nothing counts for it but
what was done within it. A picture is known again by its signature, so that a changed pixel, a small crop or another
file of it is no new picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from explorer.cases.case import Case
from explorer.cases.exports import exported, own_part
from explorer.cases.snapshot import Snapshot
from explorer.cases.store import CaseStore
from explorer.cases.view import CaseView
from explorer.collections.copyrule import DoorRule
from explorer.collections.likeness import likeness
from explorer.collections.signatures import blank, signature
from explorer.evidence.which_records import WhichModel
from explorer.familiarity.records import FamiliarityTest
from explorer.findings.finding import Measured
from explorer.images.decode import read_png
from explorer.records import Subject
from explorer.world.demonstrations import is_demonstration

_MARKS: dict[str, np.ndarray] = {}  # signatures (3072,) by the SHA-256 of pixels: 3 kB each


@dataclass(frozen=True)
class Look:
    """A search of a picture; `test` is (policy, controls, prompt) where it was a measured test."""

    search_id: str
    model: str  # fingerprint; "" where no replay says it
    test: tuple[str, str, str] | None = None
    known: tuple[str, str, str] | None = None  # (plan, controls, caption) of a test of familiarity


@dataclass
class Looks:
    """Every own look at a picture, each once however often it is here, and what else was tested.

    `captions` maps each of its captions to when that was first logged, `first_replay` is when its first replay was
    ("" without one), UTC in ISO 8601. `others` are (pixels, model) of the measured tests of other pictures.
    """

    found: dict[str, Look] = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)
    first_replay: str = ""
    others: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Earlier:
    """What came before a test: see `earlier`."""

    tests: int = 0
    searches: int = 0
    models: int = 0
    works: int = 0
    caption_late: bool = False


def looks_at(store: CaseStore, rgb: np.ndarray, *, demonstration: str = "") -> Looks:
    """Every look of one's own at the picture (h, w, 3) uint8, in all cases.

    `demonstration` is the id of the case that asks, where it is one: then it alone counts.
    """
    looks, mark = Looks(), signature(rgb)
    for case in own_views(store, only=demonstration):
        _add(looks, case, rgb, mark, shown=bool(demonstration))
    return looks


def own_views(store: CaseStore, *, only: str = "") -> Iterator[CaseView]:
    """What one did oneself, a case after the other, or in the case `only`: each can be read until the next."""
    heads = exported(store.root, store.person)
    for row in store.list(archived=None):
        if row.problem or only not in ("", row.id):
            continue
        case = store.open(row.id)
        try:
            yield _own(case, heads)
        finally:
            case.close()


def earlier(looks: Looks, test: tuple[str, str, str], *, search_id: str, model: str) -> Earlier:
    """What these looks mean for the test (policy, controls, prompt or "") of `model` by the search `search_id`.

    `tests` were of this model under another policy, with other controls or, where one was given, another caption: a
    look at the answer. `searches` were any other, of any model. `models` are other models that the picture was
    tested with, `works` the measured tests of other pictures. A caption is late where the picture had been replayed
    before that caption was logged anywhere.
    """
    tested = {look.search_id: look for look in looks.found.values() if look.test and look.search_id != search_id}
    here = [look.test for look in tested.values() if look.model == model]
    logged = looks.captions.get(test[2], "")
    late = bool(test[2] and looks.first_replay) and not (logged and logged <= looks.first_replay)
    return Earlier(sum((*given[:2], given[2] if test[2] else "") != test for given in here),
                   sum(name != search_id and (name not in tested or look.model != model)
                       for name, look in looks.found.items()),
                   len({look.model for look in tested.values()} - {model}), len(looks.others), late)


def earlier_known(looks: Looks, test: tuple[str, str, str], *, search_id: str, model: str) -> tuple[int, int]:
    """As `earlier` for a test of familiarity: how many of this model differ from it, and how many looks else.

    A measured test is none of the first: the two answers are taken together by a rule that was fixed beforehand.
    """
    mine = {name: look.known for name, look in looks.found.items() if look.known and look.model == model}
    return (sum(given != test for name, given in mine.items() if name != search_id),
            sum(name not in mine and name != search_id for name in looks.found))


def same_picture(mark: np.ndarray, other: np.ndarray) -> bool:
    """Whether signatures (3072,) are of one picture by the rule of the check at the door; never for blank ones."""
    return bool(same_pictures(mark, other[None])[0])


def same_pictures(mark: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) bool: `same_picture` of one signature (3072,) with each of (n, 3072)."""
    found = np.zeros(len(others), bool)
    told = [] if blank(mark[None])[0] else np.flatnonzero(~blank(others))
    if len(told):
        found[told] = likeness(np.tile(mark, (len(told), 1)), others[told]) >= DoorRule.likeness
    return found


def _own(case: Case, heads: frozenset[str]) -> CaseView:
    """What of a case counts: all of an own one, and of an imported one what this workspace did."""
    return Snapshot(case.id, own_part(case.log(), heads), case.blob) if case.read_only else case


def _add(looks: Looks, case: CaseView, rgb: np.ndarray, mark: np.ndarray, *, shown: bool) -> None:
    """What one case holds; of demonstrations only where `shown`."""
    subjects = [s for s in case.subjects() if shown or not is_demonstration(s)]
    if not subjects:
        return
    marks = np.stack([_mark(case, s) for s in subjects])
    for subject, known, alike in zip(subjects, marks, same_pictures(mark, marks), strict=True):
        same = bool(alike) or (np.array_equal(mark, known) and np.array_equal(
            rgb, read_png(case.blob(subject.pixels_sha256))))
        for look in _looks_of(case, subject):
            if not same:
                looks.others |= {(subject.pixels_sha256, look.model)} if look.test else set()
            elif looks.found.setdefault(look.search_id, look).test is None:
                looks.found[look.search_id] = look  # a test says more than its plan
        if same:
            _times(looks, case, subject.id)


def _mark(case: CaseView, subject: Subject) -> np.ndarray:
    """The signature (3072,) of a subject's picture, computed once a process."""
    known = _MARKS.get(subject.pixels_sha256)
    if known is None:
        known = _MARKS[subject.pixels_sha256] = signature(read_png(case.blob(subject.pixels_sha256)))
    return known


def _times(looks: Looks, case: CaseView, subject_id: str) -> None:
    """When the picture was first replayed, and each of its captions first logged, over all cases."""
    for caption, time in case.captions_given(subject_id).items():
        looks.captions[caption] = min(time, looks.captions.get(caption, time))
    began = case.first_replayed(subject_id)
    if began:
        looks.first_replay = min(began, looks.first_replay or began)


def _looks_of(case: CaseView, subject: Subject) -> Iterator[Look]:
    for test in case.records(Measured, subject_id=subject.id):
        model = case.replay(test.replay_id).recipe.model.fingerprint
        yield Look(test.id, model, (test.policy, test.controls_id, test.prompt))
    for known in case.records(FamiliarityTest, subject_id=subject.id):
        said = known.prompt if known.words == "caption" else ""
        yield Look(known.id, known.model.fingerprint, known=(known.plan, known.controls_id, said))
    for asked in case.records(WhichModel, subject_id=subject.id):
        for one in asked.candidates:
            yield Look(f"{asked.id} {one.model.fingerprint}", one.model.fingerprint)
    for plan in case.plans(subject.id):
        yield Look(plan.id, plan.model.fingerprint)
