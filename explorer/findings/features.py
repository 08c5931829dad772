"""What can be said of a picture without any model: complexity, style, caption length.

Two uses: what they predict of closeness is taken off before ranking (simple pictures come close by
themselves), and they tell whether controls fit a subject.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.closeness.scores import flatness, grey
from explorer.images.prepare import fit_square

SIZE_PX = 64
LABELS = {
    "size": "how much the picture compresses", "flat": "share of flat areas", "light": "brightness",
    "contrast": "contrast", "colourful": "colourfulness", "colours": "number of colours",
    "edges": "amount of outline", "white": "share of white", "words": "length of the caption",
}
FEATURES = tuple(LABELS)


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


@dataclass(frozen=True)
class Expectation:
    """A ridge regression of closeness on model-free features, as plain numbers (kept with the controls)."""

    names: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    explained: float  # share of the tuning works' variance, in [0, 1]
    works: int

    def predict(self, found: Mapping[str, float]) -> float:
        """The closeness that a picture with these features reaches on average."""
        return self.intercept + sum(w * (found[n] - m) / s for n, m, s, w in zip(
            self.names, self.means, self.spreads, self.weights, strict=True))

    def excess(self, value: float, found: Mapping[str, float], *, better: str) -> float:
        """How much closer than expected: positive is closer, whichever way the score runs."""
        difference = value - self.predict(found)
        return difference if better == "higher" else -difference


def fit_expectation(found: Sequence[Mapping[str, float]], values: Sequence[float], *,
                    names: Sequence[str] = FEATURES, ridge: float = 1.0) -> Expectation:
    """Fits an Expectation on tuning works; never on controls or test works.

    ValueError for fewer than 20 works: a regression on so few would take off noise.
    """
    if len(found) < 20 or len(found) != len(values):
        raise ValueError(f"at least 20 tuning works with a value each are needed, got {len(found)}")
    table = np.array([[f[n] for n in names] for f in found], float)  # (n, d)
    means, spreads = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-9)
    scaled, y = (table - means) / spreads, np.asarray(values, float)
    weights = np.linalg.solve(scaled.T @ scaled + ridge * np.eye(len(names)), scaled.T @ (y - y.mean()))
    left = y - y.mean() - scaled @ weights
    explained = 1 - float((left ** 2).sum() / max(((y - y.mean()) ** 2).sum(), 1e-12))
    return Expectation(tuple(names), tuple(map(float, means)), tuple(map(float, spreads)),
                       tuple(map(float, weights)), float(y.mean()), max(0.0, explained), len(found))
