"""Can a classifier tell members from held-out works by anything but the trained model?

If it could, a claim of memory could be a claim about drawing style. Features are
model-free (complexity, colour, ink, caption length), and the neutral CLIP's image
embedding, which saw members and held-out works equally often. An area a little below
0.5 is what a stratified draw gives: both sides are balanced better than by chance, so
what leans one way in some folds leans the other way in the rest.
"""

from __future__ import annotations

import numpy as np

from explorer.statistics import auc_interval
from explorer.world_build.drawing import plain_features
from explorer.world_build.truth import HELD_OUT

FOLDS = 5
RIDGE = 10.0


def fair_draw(rows: list[dict], pixels: np.ndarray, embeddings: np.ndarray | None) -> dict:
    """Cross-validated AUC of ridge discriminants, members against held-out, with intervals."""
    kept = [i for i, r in enumerate(rows) if r["split"] in ("train", *HELD_OUT)]
    member = np.array([rows[i]["split"] == "train" for i in kept])
    plain = np.array([
        plain_features(pixels[i], rows[i]["caption"], len(rows[i]["keywords"])) for i in kept
    ])  # fmt: skip
    found = {"model_free": _one(plain, member)}
    if embeddings is not None:
        found["with_clip"] = _one(np.hstack([plain, embeddings[kept] * 10]), member)
    return found


def _one(features: np.ndarray, member: np.ndarray) -> dict:
    scores = out_of_fold(features, member)
    found = auc_interval(scores[member], scores[~member])
    return {
        "auc": round(found.value, 4), "low": round(found.low, 4), "high": round(found.high, 4),
        "works": len(member), "tells_apart": found.low > 0.5, "includes_half": found.low <= 0.5 <= found.high,
    }  # fmt: skip


def out_of_fold(features: np.ndarray, member: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n,) scores of ridge regression on standardised features, each from folds without it."""
    x = (features - features.mean(0)) / (features.std(0) + 1e-9)
    x = np.hstack([x, np.ones((len(x), 1))])
    y = np.where(member, 1.0, -1.0)
    fold = np.zeros(len(x), int)  # equal shares of members, else pooled scores lean below 0.5
    for kind in (member, ~member):
        fold[kind] = np.random.default_rng(seed).permutation(int(kind.sum())) % FOLDS
    scores = np.zeros(len(x))
    for k in range(FOLDS):
        a, b = x[fold != k], y[fold != k] - y[fold != k].mean()
        weights = np.linalg.solve(a.T @ a + RIDGE * np.eye(a.shape[1]), a.T @ b)
        scores[fold == k] = x[fold == k] @ weights
    return scores
