"""What closeness a picture's model-free features let one expect; numbers alone, so that screens may read it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

LEAST = 1e-3  # a smaller value counts as this much before its logarithm is taken


@dataclass(frozen=True)
class Expectation:
    """A ridge regression of closeness on model-free features, as plain numbers (kept with the controls).

    With `log` it is of the closeness' logarithm: a distance of .2 against .4 is as much as .1 against .2.
    """

    names: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    explained: float  # share of the tuning works' variance, in [0, 1]
    works: int
    log: bool = False

    def predict(self, found: Mapping[str, float]) -> float:
        """The closeness (with `log`, its logarithm) that a picture with these features reaches on average."""
        return self.intercept + sum(w * (found[n] - m) / s for n, m, s, w in zip(
            self.names, self.means, self.spreads, self.weights, strict=True))

    def excess(self, value: float, found: Mapping[str, float], *, better: str) -> float:
        """How much closer than expected: positive is closer, whichever way the score runs."""
        difference = (math.log(max(value, LEAST)) if self.log else value) - self.predict(found)
        return difference if better == "higher" else -difference

    def value_at(self, excess: float, found: Mapping[str, float], *, better: str) -> float:
        """The closeness that such a picture would have with this excess: the inverse of `excess`."""
        reached = self.predict(found) + (excess if better == "higher" else -excess)
        return math.exp(reached) if self.log else reached
