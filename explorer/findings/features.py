"""What can be said of a picture without any model: complexity, style, caption length.

Two uses: what they predict of closeness is taken off before ranking (simple pictures come close by
themselves), and they tell whether controls fit a subject. For the first use alone there are also RIVALS: how
near a blank page and other pictures come, for what is near to everything is near to its replays as well.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from explorer.closeness.pixel_scores import flatness, grey
from explorer.closeness.tiled import distances
from explorer.findings.expectation import LEAST, Expectation
from explorer.images.prepare import fit_square

SIZE_PX = 64
FEATURES = ("size", "flat", "light", "contrast", "colourful", "colours", "edges", "white", "words")  # see [feature]
RIVALS = ("blank", "rival_1", "rival_5", "rival_half")
PREDICTORS = (*FEATURES, *RIVALS)


def features(rgb: np.ndarray, *, caption: str = "") -> dict[str, float]:
    """The FEATURES of a (h, w, 3) uint8 picture, brought to 64 pixels first; all finite, no model used."""
    small = fit_square(rgb, SIZE_PX)
    out = io.BytesIO()
    Image.fromarray(small, "RGB").save(out, "WEBP", quality=60, method=4)
    light = grey(small)
    down, right = np.gradient(light)
    red, green, blue = (small[..., i].astype(np.float32) / 255 for i in range(3))
    first, second = red - green, (red + green) / 2 - blue  # Hasler and Süsstrunk 2003
    colourful = math.hypot(first.std(), second.std()) + 0.3 * math.hypot(first.mean(), second.mean())
    values = {"size": math.log2(len(out.getvalue())), "flat": flatness(small), "light": light.mean(),
              "contrast": light.std(), "colourful": colourful,
              "colours": math.log2(len(np.unique((small // 16).reshape(-1, 3), axis=0))),
              "edges": np.hypot(down, right).mean(), "white": (small.min(axis=2) > 247).mean(),
              "words": math.log2(1 + len(caption.split()))}
    return {name: float(values[name]) for name in FEATURES}


def rivals(rgb: np.ndarray, pictures: np.ndarray, *, leave_out: int = -1) -> dict[str, float]:
    """The RIVALS of a (h, w, 3) uint8 picture: logarithms of tiled distances at 64 pixels, no model used.

    To a blank page, and to the nearest, the fifth nearest and the median of `pictures` (n, 64, 64, 3) uint8,
    the controls' own; `leave_out` is the picture's own place among them. ValueError for fewer than ten.
    """
    others = np.delete(pictures, leave_out, axis=0) if leave_out >= 0 else pictures
    if len(others) < 10:
        raise ValueError(f"at least ten other pictures are needed, got {len(others)}")
    page = np.full((1, SIZE_PX, SIZE_PX, 3), 255, np.uint8)
    small = fit_square(rgb, SIZE_PX)[None]
    apart = distances(np.concatenate([page, others]) / np.float32(255), small / np.float32(255))[0]
    ranked = np.sort(apart[1:])
    found = (apart[0], ranked[0], ranked[4], ranked[len(ranked) // 2])
    return {name: math.log(max(float(v), LEAST)) for name, v in zip(RIVALS, found, strict=True)}


def fit_expectation(found: Sequence[Mapping[str, float]], values: Sequence[float], *,
                    names: Sequence[str] = FEATURES, ridge: float = 1.0, log: bool = False) -> Expectation:
    """Fits an Expectation on tuning works; never on controls or test works. `log` for distances only.

    ValueError for fewer than 20 works: a regression on so few would take off noise.
    """
    if len(found) < 20 or len(found) != len(values):
        raise ValueError(f"at least 20 tuning works with a value each are needed, got {len(found)}")
    table = np.array([[f[n] for n in names] for f in found], float)  # (n, d)
    means, spreads = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    scaled, y = (table - means) / spreads, np.asarray(values, float)
    y = np.log(np.maximum(y, LEAST)) if log else y
    weights = np.linalg.solve(scaled.T @ scaled + ridge * np.eye(len(names)), scaled.T @ (y - y.mean()))
    left = y - y.mean() - scaled @ weights
    explained = 1 - float((left ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-12))
    return Expectation(tuple(names), tuple(map(float, means)), tuple(map(float, spreads)),
                       tuple(map(float, weights)), float(y.mean()), max(0.0, explained), len(found), log)
