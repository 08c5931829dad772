"""How long a case's own facts may be: they stand on every page."""

from __future__ import annotations

from collections.abc import Mapping

from explorer.errors import ExplorerError, cut

MOST_TITLE, MOST_FACT = 300, 2_000  # letters of a case's title, and of its other facts


def most_of(fact: str) -> int:
    """How many letters one of a case's facts may have."""
    return MOST_TITLE if fact == "title" else MOST_FACT


def check_facts(facts: Mapping[str, str]) -> None:
    """ExplorerError for a fact that is longer than one of its kind may be."""
    for fact, value in facts.items():
        if len(value) > most_of(fact):
            raise ExplorerError("cases.case_facts_too_long", fact=fact.replace("_", " "), most=most_of(fact),
                                count=len(value))


def shown(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts as screens and reports show them: one that an earlier version, or another program, took at any
    length is cut."""
    return {fact: cut(value, most_of(fact)) for fact, value in facts.items()}
