"""When a search ends before its plan is through: which rules are allowed."""

from __future__ import annotations

from explorer.errors import ExplorerError
from explorer.records import StopRules
from explorer.records.scores import SCORES


def check_rules(rules: StopRules, score: str) -> None:
    """ExplorerError for a rule outside what is allowed."""
    if rules.tries < 0 or rules.no_gain < 0 or rules.seconds < 0:
        raise ExplorerError("search.stops_rule_below_zero")
    info = SCORES.get(score)
    if info is not None and rules.closeness is not None and not info.low <= rules.closeness <= info.high:
        raise ExplorerError("search.stops_closeness_outside_range", closeness=rules.closeness, low=info.low,
                            high=info.high, label=info.label)
