"""What a ranked portfolio says, in one plain sentence."""

from __future__ import annotations

from explorer.findings.portfolio import Portfolio
from explorer.texts import say


def headline(found: Portfolio | None) -> str:
    """The answer on many works at once; None is a set that was not tested against any controls."""
    if found is None or not found.rows:
        return say("portfolio_answer.untested")
    works, listed = len(found.rows), sum(r.listed for r in found.rows)
    judged = sum(r.p is not None for r in found.rows)
    if not judged:
        return say("portfolio_answer.nothing_comparable")
    said = (say("portfolio_answer.listed", listed=listed, judged=judged) if listed
            else say("portfolio_answer.none", judged=judged))
    return said if judged == works else f"{said} {say('portfolio_answer.not_judged', n=works - judged)}"
