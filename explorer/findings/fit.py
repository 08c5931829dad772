"""Do these controls fit? A p-value against controls of another kind would mean nothing.

One subject: its distance from the controls on model-free features must lie in their central 95 %. A
set: a cross-validated classifier must not tell it from the controls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.findings.calibration import auc_interval
from explorer.findings.features import FEATURES, LABELS

OUTSIDE = 0.05
LARGEST_AUC = 0.65
FEWEST = 20


@dataclass(frozen=True)
class Fit:
    """Whether controls fit; `stands_out` names the features that differ most, in plain words."""

    fits: bool
    why: str
    stands_out: tuple[str, ...] = ()
    share: float = 0.0  # one subject: share of controls at least as far from the rest
    auc: float = 0.0  # a set: cross-validated, with its upper limit
    auc_high: float = 0.0


def check_subject(subject: Mapping[str, float], controls: Sequence[Mapping[str, float]], *,
                  names: Sequence[str] = FEATURES, distances: Sequence[float] = ()) -> Fit:
    """Whether one subject lies within the controls' central 95 % on model-free features.

    The distance is Mahalanobis', each control's taken without itself, so that a control drawn like the
    others is turned away in one case of twenty. Fewer than 20 controls never fit. `distances` are those
    of `control_distances`, to spare them for many subjects.
    """
    if len(controls) < FEWEST:
        return Fit(False, f"there are {len(controls)} controls; at least {FEWEST} are needed to tell "
                          "whether they fit")
    table, one = _table(controls, names), np.array([subject[n] for n in names], float)
    mine = _distance(one, table)
    theirs = distances or control_distances(controls, names=names)
    share = (1 + sum(d >= mine for d in theirs)) / (len(theirs) + 1)
    far = _far(one, table, names)
    if share >= OUTSIDE:
        return Fit(True, "the subject lies among the controls on every model-free feature taken together",
                   far, share)
    return Fit(False, "the subject is of another kind than the controls"
                      + (f" ({', '.join(far)})" if far else ""), far, share)


def control_distances(controls: Sequence[Mapping[str, float]], *,
                      names: Sequence[str] = FEATURES) -> tuple[float, ...]:
    """Each control's distance from all the others."""
    table = _table(controls, names)
    return tuple(_distance(table[i], np.delete(table, i, axis=0)) for i in range(len(table)))


def check_set(subjects: Sequence[Mapping[str, float]], controls: Sequence[Mapping[str, float]], *,
              names: Sequence[str] = FEATURES, folds: int = 5, seed: int = 0) -> Fit:
    """Whether a set of subjects is like the controls: the upper limit of a classifier's AUC stays under 0.65.

    The classifier is a linear discriminant, cross-validated. Small sets have wide limits and so rarely
    fit: with few works nothing shows that they are like the controls.
    """
    if len(controls) < FEWEST or len(subjects) < 5:
        return Fit(False, f"{len(subjects)} works and {len(controls)} controls are too few to tell whether "
                          f"they are alike (at least 5 and {FEWEST})")
    a, b = _table(subjects, names), _table(controls, names)
    x, y = np.vstack([a, b]), np.r_[np.ones(len(a)), np.zeros(len(b))]
    part = _folds(y, min(folds, len(a)), seed)
    scores = np.empty(len(x))
    for fold in range(part.max() + 1):
        train = part != fold
        weights, middle = _discriminant(x[train], y[train])
        scores[~train] = (x[~train] - middle) @ weights
    area = auc_interval(scores[y == 1], scores[y == 0])
    far = _far(a.mean(axis=0), b, names, limit=0.5)
    fits = area.high <= LARGEST_AUC
    words = "cannot be told from" if fits else "can be told from, or are too few to compare with,"
    return Fit(fits, f"the works {words} the controls without any model (AUC {area.value:.2f}, upper limit "
                     f"{area.high:.2f}; allowed {LARGEST_AUC})", far, auc=area.value, auc_high=area.high)


def _table(found: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    return np.array([[f[n] for n in names] for f in found], float)


def _distance(one: np.ndarray, table: np.ndarray) -> float:
    """Mahalanobis distance with a covariance drawn a tenth towards its diagonal."""
    covariance = np.cov(table, rowvar=False)
    diagonal = np.diag(np.maximum(np.diag(covariance), 1e-9))
    shift = one - table.mean(axis=0)
    return float(np.sqrt(shift @ np.linalg.solve(0.9 * covariance + 0.1 * diagonal, shift)))


def _far(one: np.ndarray, table: np.ndarray, names: Sequence[str], *, limit: float = 2.0) -> tuple[str, ...]:
    """Labels of at most three features that lie more than `limit` deviations off, the farthest first."""
    z = (one - table.mean(axis=0)) / np.maximum(table.std(axis=0), 1e-9)
    worst = [i for i in np.argsort(-np.abs(z)) if abs(z[i]) > limit][:3]
    return tuple(f"{LABELS.get(names[i], names[i])}: {'more' if z[i] > 0 else 'less'}" for i in worst)


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
