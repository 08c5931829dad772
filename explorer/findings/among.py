"""Where a measured test lies among its controls, in units that a reader can name."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explorer.findings.finding import ControlResults, Measured
from explorer.findings.plane import is_adjusted
from explorer.findings.ranking import excesses, ranked_values
from explorer.records.scores import SCORES


@dataclass(frozen=True)
class Among:
    """What the rank compares: a control with a value beyond `mine` came closer than the subject.

    `unit` is "times" (2: half the distance that was expected), "difference" (from what was expected) or "score"
    (the closeness as it is). `turned`: the smaller value is the closer one.
    """

    mine: float
    theirs: tuple[float, ...]
    unit: str
    turned: bool = False

    @property
    def at_least(self) -> int:
        """How many controls came at least as close."""
        return sum((other <= self.mine) if self.turned else (other >= self.mine) for other in self.theirs)

    def gives(self, p: float) -> bool:
        """Whether this rank is the p-value."""
        return math.isclose((1 + self.at_least) / (1 + len(self.theirs)), p)


def among(test: Measured, controls: ControlResults, p: float | None = None) -> Among:
    """The subject and its controls as the p-value ranks them: adjusted where there is an expectation.

    `p` is the one on record. One that an earlier version of the rule gave is shown with what that version ranked.
    """
    found = _among(test, controls)
    if p is None or found.gives(p):
        return found
    earlier = _among(test, controls, one_spread=False)
    return earlier if earlier.gives(p) else found


def _among(test: Measured, controls: ControlResults, *, one_spread: bool = True) -> Among:
    if not is_adjusted(controls, test.features):
        values = ranked_values(test.features or None, controls)
        return Among(test.value, values, "score", SCORES[controls.score].better == "lower")
    mine, theirs = excesses(test.value, test.features, controls, one_spread=one_spread)
    if controls.expectation is not None and controls.expectation.log:
        return Among(math.exp(mine), tuple(math.exp(t) for t in theirs), "times")
    return Among(mine, tuple(theirs), "difference")
