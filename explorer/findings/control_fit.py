"""Do these controls fit? A p-value against controls of another kind would mean nothing.

One subject: its distance from the controls on model-free features must lie in their central 95%. A
set: a cross-validated classifier must not tell it from the controls. The classifier's AUC of few works is
known so roughly that even a set just like the controls would rarely pass; such a set is turned away only
where they are told apart, and is said not to have been shown alike.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.findings.features import FEATURES
from explorer.statistics import auc_interval, auc_limits
from explorer.texts import say, texts_of

OUTSIDE = 0.05
LARGEST_AUC = 0.65
CHANCE = 0.5  # the AUC of a classifier that tells nothing apart
FEWEST = 20
FEWEST_IN_SET = 5  # one for each part of the cross-validation
MOST_WORKS = 100_000


@dataclass(frozen=True)
class Fit:
    """Whether controls fit; `stands_out` names the features that differ most, in plain words.

    `shown` is False for a set that fits because nothing tells it from the controls, and that is too small to
    show that it is like them.
    """

    fits: bool
    why: str
    stands_out: tuple[str, ...] = ()
    share: float = 0.0  # one subject: share of controls at least as far from the rest
    auc: float = 0.0  # a set: cross-validated, with its upper limit
    auc_high: float = 0.0
    shown: bool = True
    matched: bool = False  # a set of another kind, each work of which is ranked among the controls most like it


def check_subject(subject: Mapping[str, float], controls: Sequence[Mapping[str, float]], *,
                  names: Sequence[str] = FEATURES, distances: Sequence[float] = ()) -> Fit:
    """Whether one subject lies within the controls' central 95% on model-free features.

    The distance is Mahalanobis', each control's taken without itself, so that a control drawn like the
    others is turned away in one case of twenty. Fewer than 20 controls never fit. `distances` are those
    of `control_distances`, to spare them for many subjects.
    """
    if len(controls) < FEWEST:
        return Fit(False, say("aside.controls", controls_count=len(controls), fewest=FEWEST))
    table, one = _table(controls, names), np.array([subject[n] for n in names], float)
    mine = _distance(one, table)
    theirs = distances or control_distances(controls, names=names)
    share = (1 + sum(d >= mine for d in theirs)) / (len(theirs) + 1)
    far = _far(one, table, names)
    if share >= OUTSIDE:
        return Fit(True, say("aside.subject_lies_among"),
                   far, share)
    why = say("aside.subject_another_kind") + (f" ({', '.join(far)})" if far else "")
    return Fit(False, why, far, share)


def control_distances(controls: Sequence[Mapping[str, float]], *,
                      names: Sequence[str] = FEATURES) -> tuple[float, ...]:
    """Each control's distance from all the others."""
    table = _table(controls, names)
    return tuple(_distance(table[i], np.delete(table, i, axis=0)) for i in range(len(table)))


def check_set(subjects: Sequence[Mapping[str, float]], controls: Sequence[Mapping[str, float]], *,
              names: Sequence[str] = FEATURES, folds: int = 5, seed: int = 0) -> Fit:
    """Whether a set of subjects is like the controls: the upper limit of a classifier's AUC stays under 0.65.

    The classifier is a linear discriminant, cross-validated. A set of fewer than `works_needed` cannot keep that
    limit even where nothing tells it from the controls: it does not fit only where the AUC lies above what chance
    gives in 95% of such sets, and `shown` is False. Fewer than 5 works are not compared.
    """
    few, many = len(subjects), len(controls)
    if many < FEWEST:
        return Fit(False, say("aside.controls", controls_count=many, fewest=FEWEST))
    needed = works_needed(many)
    if few < FEWEST_IN_SET:
        return Fit(True, say("aside.each_compared_itself", too_few=_too_few(few, many, needed)), shown=False)
    a, b = _table(subjects, names), _table(controls, names)
    area = auc_interval(*_told_apart(a, b, folds=min(folds, few), seed=seed))
    far = _far(a.mean(axis=0), b, names, limit=0.5)
    measured = say("aside.auc_limits", value=area.value, low=area.low, high=area.high)
    small = needed is None or few < needed
    apart = area.value > auc_limits(CHANCE, positives=few, negatives=many).high
    if apart if small else area.high > LARGEST_AUC:
        told = say("aside.works_told_controls" if apart else "aside.works_not_show")
        return Fit(False, say("aside.without_any_model", told=told, measured=measured,
                              largest_auc=LARGEST_AUC), far,
                   auc=area.value, auc_high=area.high)
    if not small:
        return Fit(True, say("aside.works_cannot_told", measured=measured,
                             largest_auc=LARGEST_AUC), far, auc=area.value, auc_high=area.high)
    return Fit(True, say("aside.nothing_tells_them", too_few=_too_few(few, many, needed), measured=measured,
                         chance=CHANCE,
                         largest_auc=LARGEST_AUC), far, auc=area.value, auc_high=area.high, shown=False)


def nearest(subject: Mapping[str, float], controls: Sequence[Mapping[str, float]], *, count: int,
            names: Sequence[str] = FEATURES) -> list[int]:
    """Positions of the `count` controls most like a subject on model-free features, by Mahalanobis' distance."""
    table, one = _table(controls, names), np.array([subject[n] for n in names], float)
    shift = table - one
    apart = np.einsum("nd,nd->n", shift, np.linalg.solve(covariance_of(table), shift.T).T)
    return np.argsort(apart, kind="stable")[:count].tolist()


def works_needed(controls: int) -> int | None:
    """From how many works on a set can show at all that it is like the controls.

    The fewest for which an AUC of 0.5 has an upper limit of at most 0.65; None where no number of works would do
    with so few controls. A set like the controls may still miss that limit by chance, the smaller the oftener.
    """
    def enough(works: int) -> bool:
        return auc_limits(CHANCE, positives=works, negatives=controls).high <= LARGEST_AUC

    if not enough(MOST_WORKS):
        return None
    return bisect_left(range(MOST_WORKS), True, lo=FEWEST_IN_SET, key=enough)


def _too_few(works: int, controls: int, needed: int | None) -> str:
    if needed is None:
        return say("aside.controls_too_few", controls=controls)
    return (say("aside.works_too_few", works=works, controls=controls, needed=needed))


def _told_apart(a: np.ndarray, b: np.ndarray, *, folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the rows of `a` (n, d) and `b` (m, d), each by a classifier that did not see the row."""
    x, y = np.vstack([a, b]), np.r_[np.ones(len(a)), np.zeros(len(b))]
    part = _folds(y, folds, seed)
    scores = np.empty(len(x))
    for fold in range(part.max() + 1):
        train = part != fold
        weights, middle = _discriminant(x[train], y[train])
        scores[~train] = (x[~train] - middle) @ weights
    return scores[y == 1], scores[y == 0]


def _table(found: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    return np.array([[f[n] for n in names] for f in found], float)


def _distance(one: np.ndarray, table: np.ndarray) -> float:
    """Mahalanobis distance from the middle of the table."""
    shift = one - table.mean(axis=0)
    return float(np.sqrt(shift @ np.linalg.solve(covariance_of(table), shift)))


def covariance_of(table: np.ndarray) -> np.ndarray:
    """(d, d) covariance of (n, d), drawn a tenth towards its diagonal."""
    covariance = np.cov(table, rowvar=False)
    return 0.9 * covariance + 0.1 * np.diag(np.maximum(np.diag(covariance), 1e-9))


def _far(one: np.ndarray, table: np.ndarray, names: Sequence[str], *, limit: float = 2.0) -> tuple[str, ...]:
    """Labels of at most three features that lie more than `limit` deviations off, the farthest first."""
    z = (one - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    worst = [i for i in np.argsort(-np.abs(z)) if abs(z[i]) > limit][:3]
    labels = texts_of("feature")
    return tuple(say("aside.more" if z[i] > 0 else "aside.less", feature=labels.get(names[i], names[i]))
                 for i in worst)


def _folds(y: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(n,) fold of each row, spread evenly within each class."""
    part = np.empty(len(y), int)
    draw = np.random.default_rng(seed)
    for label in (0, 1):
        rows = np.flatnonzero(y == label)
        part[draw.permutation(rows)] = np.arange(len(rows)) % folds
    return part


def _discriminant(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fisher's linear discriminant with a little ridge: (weights (d,), middle (d,))."""
    a, b = x[y == 1], x[y == 0]
    spread = np.maximum(x.std(axis=0), 1e-9)
    within = (np.cov(a, rowvar=False) * (len(a) - 1) + np.cov(b, rowvar=False) * (len(b) - 1)) / (len(x) - 2)
    ridge = np.diag(0.1 * spread ** 2)
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    return np.linalg.solve(within + ridge, mean_a - mean_b), (mean_a + mean_b) / 2
