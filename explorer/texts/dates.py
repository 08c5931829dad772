"""Months as people write them."""

from __future__ import annotations

import re

from explorer.texts import say


def month(date: str) -> str:
    """"October 2022" of "2022-10" or of a day in it; what is no such date as it stands."""
    found = re.match(r"(\d{4})-(0[1-9]|1[0-2])(?!\d)", date)
    return f"{say(f'month.m{found[2]}')} {found[1]}" if found else date
