"""The known truth: near-copy groups, the draw of splits and multiplicities, the sampler.

Grouping rule: two works are one group when their cleaned captions are equal, or their
64 px images are nearer than GROUP_TILE in tiled distance, or the ink of their images
correlates above GROUP_CORRELATION. One work a group (the first by path) enters the pool.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.closeness.tiled import tiled_distance

GROUP_TILE = 0.12
GROUP_CORRELATION = 0.90
MULTIPLICITIES = (1, 4, 16, 64, 256)
TRADED = 4  # copies: works seen so often or more trade places in the crossover draw
STRANGERS = 150
# label: (split, multiplicity, variant, works); the order is the order of the draw
LABELS = (
    ("train", 256, "same", 40),
    ("train", 64, "same", 40),
    ("train", 16, "same", 40),
    ("train", 4, "same", 40),
    ("train", 64, "captions", 20),
    ("train", 64, "images", 20),
    ("tuning", 0, "same", 100),
    ("control", 0, "same", 400),
    ("test", 0, "same", 400),
    ("train", 1, "same", 600),
)
HELD_OUT = ("tuning", "control", "test")


@dataclass(frozen=True)
class Label:
    """What the draw gave to one work."""

    split: str  # train, tuning, control, test, reserve or stranger
    multiplicity: int  # near copies of it in one training epoch
    variant: str  # same, captions or images: what differs between its copies


def groups(captions: list[str], pixels: np.ndarray) -> np.ndarray:
    """(n,) int: group of each work, named by its first member; pixels (n, 64, 64, 3) uint8."""
    parent = np.arange(len(captions))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in _pairs(captions, pixels):
        a, b = sorted((root(i), root(j)))
        parent[b] = a
    return np.array([root(i) for i in range(len(captions))])


def _pairs(captions: list[str], pixels: np.ndarray) -> Iterator[tuple[int, int]]:
    seen: dict[str, int] = {}
    for i, caption in enumerate(captions):
        key = re.sub(r"[^a-z0-9]+", " ", caption.lower()).strip()
        if seen.setdefault(key, i) != i:
            yield seen[key], i
    x = pixels.astype(np.float32) / 255
    ink = (1 - x.mean(-1)).reshape(len(x), -1)  # (n, 4096)
    ink = ink - ink.mean(1, keepdims=True)
    ink /= np.linalg.norm(ink, axis=1, keepdims=True) + 1e-6
    for i in range(1, len(x)):
        near = (ink[:i] @ ink[i] > GROUP_CORRELATION) | (tiled_distance(x[:i], x[i]) < GROUP_TILE)
        for j in np.flatnonzero(near):
            yield int(j), i


def draw(creators: list[str], complexity: np.ndarray, number: int) -> list[Label]:
    """Draw splits and multiplicities, stratified by creator and complexity.

    Odd draws use their number as seed. An even draw is the crossover of the draw before
    it: its works seen TRADED times and more trade places with works held out for tests.
    """
    rng = np.random.default_rng(number - 1 + number % 2)
    labels: list[Label | None] = [None] * len(creators)
    for i in _strangers(creators, rng):
        labels[i] = Label("stranger", 0, "same")
    order = [i for i in _stratified(creators, complexity, rng) if labels[i] is None]
    for split, multiplicity, variant, works in LABELS:
        for i in _spread(order, _share(works, len(creators)), rng):
            labels[i] = Label(split, multiplicity, variant)
        order = [i for i in order if labels[i] is None]
    drawn = [label or Label("reserve", 0, "same") for label in labels]
    return _crossover(drawn, creators, complexity, rng) if number % 2 == 0 else drawn


def _share(works: int, pool: int) -> int:
    """Works for a label; a pool too small for the full draw gives each label its share."""
    full = STRANGERS + sum(label[3] for label in LABELS)
    return works if pool >= full else max(1, works * pool // full)


def _strangers(creators: list[str], rng: np.random.Generator) -> list[int]:
    """Half of the strangers by creators found nowhere else, half by anybody."""
    wanted = _share(STRANGERS, len(creators))
    counts = Counter(creators)
    chosen: list[int] = []
    for name in rng.permutation(sorted(c for c in counts if counts[c] <= 5)):
        if len(chosen) >= wanted // 2:
            break
        chosen += [i for i, c in enumerate(creators) if c == name]
    common = [i for i, c in enumerate(creators) if counts[c] > 5]
    return chosen + list(rng.permutation(common)[: max(0, wanted - len(chosen))])


def _stratified(creators: list[str], complexity: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Order works by creator (rare creators together), then by complexity."""
    counts = Counter(creators)
    names = [c if counts[c] >= 20 else "" for c in creators]
    jitter = rng.random(len(creators))
    return sorted(range(len(creators)), key=lambda i: (names[i], complexity[i], jitter[i]))


def _spread(order: list[int], works: int, rng: np.random.Generator) -> list[int]:
    """Evenly spaced works of an ordered list, from a random start."""
    works = min(works, len(order))
    step = len(order) / max(1, works)
    start = rng.random() * step
    return [order[min(len(order) - 1, int(start + k * step))] for k in range(works)]


def _crossover(labels, creators, complexity, rng) -> list[Label]:
    """Let plain works seen TRADED times and more trade places with works held out for tests."""
    order = _stratified(creators, complexity, rng)
    many = [i for i in order if labels[i].multiplicity >= TRADED and labels[i].variant == "same"]
    unseen = _spread([i for i in order if labels[i].split == "test"], len(many), rng)
    swapped = list(labels)
    for i, j in zip(many, unseen, strict=True):
        swapped[i], swapped[j] = labels[j], labels[i]
    return swapped


def epoch(labels: list[Label], seed: int) -> Iterator[tuple[int, int]]:
    """One training epoch: (work, copy) for each copy of each member, shuffled."""
    pairs = [(i, k) for i, label in enumerate(labels) for k in range(label.multiplicity)]
    for n in np.random.default_rng(seed).permutation(len(pairs)):
        yield pairs[n]
