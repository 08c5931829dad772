"""When a search ends before its plan is through: which rules are allowed."""

from __future__ import annotations

from explorer.closeness.catalogue import SCORES
from explorer.errors import ExplorerError
from explorer.jobs.tasks import StopRules


def check_rules(rules: StopRules, score: str) -> None:
    """ExplorerError for a rule outside what is allowed."""
    if rules.tries < 0 or rules.no_gain < 0 or rules.seconds < 0:
        raise ExplorerError("A stop rule is below zero. Use 0 to leave a rule out.")
    info = SCORES.get(score)
    if info is not None and rules.closeness is not None and not info.low <= rules.closeness <= info.high:
        raise ExplorerError(f"The closeness {rules.closeness:g} to stop at is outside {info.low:g} to "
                            f"{info.high:g}, the range of {info.label}.")
