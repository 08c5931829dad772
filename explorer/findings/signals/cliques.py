"""Images of one prompt that are all near copies of each other. Carlini et al. 2023, section 5.1.

Different seeds give different pictures unless the model holds one of them: then many fall together. Two
images are near when their tiled distance (the largest over 16 tiles) is below a threshold, 0.15 in the
paper; a prompt counts when its largest set of mutually near images has at least 10 of 500.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from explorer.closeness.pixel_scores import TILES

THRESHOLD, LEAST = 0.15, 10  # the paper's, for Stable Diffusion 1.4 at 500 images a prompt


def pairwise_tiled(images: np.ndarray) -> np.ndarray:
    """(n, n) float32 tiled distances in [0, 1] between (n, h, w, 3) uint8 images; as closeness.tiled_l2."""
    n, height, width, _ = images.shape
    rows, columns = (np.linspace(0, side, min(TILES, side) + 1).astype(int) for side in (height, width))
    worst = np.zeros((n, n))
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            flat = images[:, top:bottom, left:right].reshape(n, -1) / 255.0 - 0.5  # (n, pixels) float64
            squared = (flat * flat).sum(1)
            apart = (squared[:, None] + squared - 2 * flat @ flat.T) / flat.shape[1]
            worst = np.maximum(worst, apart)
    np.fill_diagonal(worst, 0.0)
    return np.sqrt(worst).astype(np.float32)


def largest_clique(distances: np.ndarray, *, threshold: float = THRESHOLD) -> tuple[int, ...]:
    """The images of a largest mutually near set, in order; (n, n) distances; one image is near itself."""
    import networkx
    graph = networkx.from_numpy_array(np.triu(distances < threshold, 1))
    members, _ = networkx.max_weight_clique(graph, weight=None)
    return tuple(sorted(int(i) for i in members))


def clique(images: np.ndarray, *, threshold: float = THRESHOLD) -> int:
    """How many of (n, h, w, 3) uint8 images of one prompt are mutually near; from 1 to n."""
    return len(largest_clique(pairwise_tiled(images), threshold=threshold))
