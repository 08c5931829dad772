"""What a person may choose of a report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportOptions:
    """What a person may choose; none of it changes a number."""

    detail: str = "full"  # "short": no annex of every try, and many works in brief
    prepared_by: str = ""
    case_number: str = ""  # the case's own if empty
    question: str = ""  # the case's own if empty
    logo_png: bytes = b""
    score: str = "tiled_l2"
    subject_ids: tuple[str, ...] = ()  # all if empty
