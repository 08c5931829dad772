"""Are pictures made from held-out captions recognised? By two neutral instruments, one no part of the world.

R-precision: share of pictures whose own caption comes first among 100. The classifier knows concepts, not
captions: a linear discriminant on EfficientNet-Lite0's features (Fisher 1936; shared covariance shrunk to its
diagonal), its classes the concepts that three hands or more drew. It is shown real works only, and none of those
that are asked about.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from explorer.closeness.learned import load_learned
from explorer.statistics import share_interval

SIDE_PX = 128  # the network gets pictures of 64 px at twice their size
AMONG = 100
HANDS_AT_LEAST = 3
SHRINKAGE = 0.8  # with the roots of the features, best on tuning works


@torch.inference_mode()
def features(pixels: np.ndarray, batch: int = 64) -> np.ndarray:
    """(n, 1280) float32 roots of the pooled features of (n, 64, 64, 3) uint8 pictures."""
    net, out = load_learned().net, []
    for start in range(0, len(pixels), batch):
        grown = [Image.fromarray(p).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
                 for p in pixels[start:start + batch]]
        x = torch.from_numpy((np.stack(grown).astype(np.float32) - 127) / 128).permute(0, 3, 1, 2)
        maps = net.extract_features(x.contiguous(memory_format=torch.channels_last))
        out.append(maps.mean((2, 3)).clamp(0).sqrt().numpy())
    return np.concatenate(out)


@dataclass(frozen=True)
class Classifier:
    """Scores of concepts from features: (n, d) @ (d, c) + (c,)."""

    concepts: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray

    def scores(self, found: np.ndarray) -> np.ndarray:
        """(n, c) log-likelihood of each concept up to a constant of the picture."""
        return found @ self.weight + self.bias


def known_concepts(rows: list[dict]) -> list[str]:
    """Concepts that enough hands drew, in order."""
    hands = Counter(concept for concept, _ in {(r["concept"], r["hand"]) for r in rows if r["concept"]})
    return sorted(c for c, n in hands.items() if n >= HANDS_AT_LEAST)


def fit(found: np.ndarray, concepts: list[str], classes: list[str]) -> Classifier:
    """The discriminant of `found` (n, d), each of a concept; what belongs to no class is left out."""
    place = {c: i for i, c in enumerate(classes)}
    kept = np.array([c in place for c in concepts])
    x, y = found[kept].astype(np.float64), np.array([place[c] for c in concepts if c in place])
    count = np.bincount(y, minlength=len(classes))
    seen = np.flatnonzero(count)
    sums = np.zeros((len(classes), x.shape[1]))
    np.add.at(sums, y, x)
    mean = sums[seen] / count[seen, None]
    within = x - (sums / np.maximum(count, 1)[:, None])[y]
    covariance = within.T @ within / max(1, len(x) - len(seen))
    spread = np.diag(np.diag(covariance)) + 1e-4 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weight = np.linalg.solve((1 - SHRINKAGE) * covariance + SHRINKAGE * spread, mean.T)
    return Classifier(tuple(classes[i] for i in seen), weight, -0.5 * (mean.T * weight).sum(0))


def concept_ranks(scores: np.ndarray, classes: tuple[str, ...], own: list[str], seed: int = 0) -> np.ndarray:
    """(n,) rank of each picture's own concept among AMONG, the others drawn by chance; 1 is first."""
    place, rng = {c: i for i, c in enumerate(classes)}, np.random.default_rng(seed)
    found = []
    for row, concept in zip(scores, own, strict=True):
        mine = place[concept]
        others = rng.choice(len(classes) - 1, min(AMONG, len(classes)) - 1, replace=False)
        others += others >= mine
        found.append(1 + int((row[others] > row[mine]).sum()))
    return np.array(found)


def caption_ranks(image: np.ndarray, text: np.ndarray, seed: int = 0) -> np.ndarray:
    """(n,) rank of each picture's own caption among AMONG of these captions, by cosine; both (n, d) of length 1."""
    rng, found = np.random.default_rng(seed), []
    for i, row in enumerate(image @ text.T):
        others = rng.choice(len(row) - 1, min(AMONG, len(row)) - 1, replace=False)
        others += others >= i
        found.append(1 + int((row[others] > row[i]).sum()))
    return np.array(found)


def figure(ranks: np.ndarray) -> dict:
    """R-precision and the share in the first five, with the first one's 95% interval."""
    first = int((ranks == 1).sum())
    found = share_interval(first, len(ranks), method="wilson")
    return {"share": round(first / len(ranks), 4), "low": round(found.low, 4), "high": round(found.high, 4),
            "in_five": round(float((ranks <= 5).mean()), 4), "pictures": len(ranks)}  # fmt: skip


def shuffled(own: list, seed: int = 0) -> list:
    """Each picture's concept or caption given to another one."""
    order = np.random.default_rng(seed).permutation(len(own))
    after = np.empty(len(own), int)
    after[order] = np.roll(order, 1)
    return [own[i] for i in after]
