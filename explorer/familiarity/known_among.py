"""Where a test of familiarity lies among its controls, as its p-value ranks them."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.familiarity.judge import excesses, is_adjusted
from explorer.familiarity.records import FamiliarityTest, KnownControls


@dataclass(frozen=True)
class KnownAmong:
    """Values rise with familiarity; `adjusted` for what each picture's simplicity lets one expect."""

    mine: float
    theirs: tuple[float, ...]
    adjusted: bool

    @property
    def at_least(self) -> int:
        """How many controls are known at least as well."""
        return sum(other >= self.mine for other in self.theirs)


def among(test: FamiliarityTest, controls: KnownControls) -> KnownAmong:
    """The subject and its controls by how much more the words help than expected, else by how much they help."""
    mine, theirs = excesses(test.value, test.features, controls)
    return KnownAmong(mine, tuple(theirs), is_adjusted(test.features, controls))
