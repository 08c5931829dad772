"""When a search ends before its plan is through: budget of tries, time, closeness reached, no gain."""

from __future__ import annotations

from dataclasses import dataclass, replace

from explorer.closeness.catalogue import SCORES, is_better
from explorer.errors import ExplorerError
from explorer.records import Effort, StopRules


@dataclass(frozen=True)
class Standing:
    """Where a search stands: what it spent, its best value so far, and tries since that was reached."""

    effort: Effort
    best: float | None = None
    since_gain: int = 0

    def after(self, spent: Effort, value: float | None, score: str) -> Standing:
        """The standing after more effort that reached `value` at best (None: no image came of it)."""
        effort = self.effort.plus(spent)
        if value is not None and (self.best is None or is_better(score, value, self.best)):
            return Standing(effort, value, 0)
        return replace(self, effort=effort, since_gain=self.since_gain + spent.tries)


def ended_by(rules: StopRules, standing: Standing, score: str) -> str:
    """The rule that ends the search now: "tries", "time", "closeness", "no gain"; "" while none does."""
    if rules.tries and standing.effort.tries >= rules.tries:
        return "tries"
    if rules.seconds and standing.effort.elapsed_s >= rules.seconds:
        return "time"
    if rules.closeness is not None and standing.best is not None \
            and not is_better(score, rules.closeness, standing.best):
        return "closeness"
    if rules.no_gain and standing.since_gain >= rules.no_gain:
        return "no gain"
    return ""


def check_rules(rules: StopRules, score: str) -> None:
    """ExplorerError for a rule outside what is allowed."""
    if rules.tries < 0 or rules.no_gain < 0 or rules.seconds < 0:
        raise ExplorerError("A stop rule is below zero. Use 0 to leave a rule out.")
    info = SCORES.get(score)
    if info is not None and rules.closeness is not None and not info.low <= rules.closeness <= info.high:
        raise ExplorerError(f"The closeness {rules.closeness:g} to stop at is outside {info.low:g} to "
                            f"{info.high:g}, the range of {info.label}.")
