"""What a named seed does not say, and how often seeds are named at all, for screens and reports."""

from __future__ import annotations

from explorer.findings.wording import at_most, number, percent
from explorer.records.scans import MEASURED
from explorer.statistics import share_interval
from explorer.texts import say


def scan_limits() -> str:
    """Sentences that stand below every scan."""
    named, hidden, false, foreign = MEASURED
    found, wrong = share_interval(named, hidden), share_interval(false, foreign)
    rates = say("limit.scan.rates", named=number(named), hidden=number(hidden), low=percent(found.low),
                high=at_most(found.high), false=number(false), foreign=number(foreign), most=at_most(wrong.high, 2))
    return " ".join((say("limit.scan.noise"), say("limit.scan.model"), rates))
