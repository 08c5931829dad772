"""Which of the three steps is shown, and what was decided so far, kept from one to the next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.setup import choices as chosen
from explorer.setup.choices import Choices
from pages.shared import state
from pages.shared.state import Here
from pages.shared.texts import say

STEPS = ("decide", "plan", "run")


def choices(now: Here) -> Choices:
    """What was decided so far, with the case in hand as the one whose pictures are tested."""
    found = chosen.load(now.settings, person=now.person)
    if now.case is not None and not now.case.read_only and not found.jobs and found.case != now.case.id:
        found = change(now, found, case=now.case.id, check="")
    return found


def keep(now: Here, new: Choices) -> Choices:
    """Writes what was decided."""
    chosen.save(now.settings, new, person=now.person)
    return new


def change(now: Here, old: Choices, **values: Any) -> Choices:
    """Writes what was decided anew, if it is new; another model or CLIP is fetched and timed anew."""
    new = replace(old, **values)
    if (new.model, new.clip) != (old.model, old.clip):
        new = replace(new, fetch=())
    return old if new == old else keep(now, new)


def where(now: Here) -> str:
    """The step in the address; the last one from the moment that the test was begun."""
    wanted = state.remembered("setup")
    if choices(now).jobs:
        return "run"
    return wanted if wanted == "plan" else "decide"


def to(step: str) -> None:
    """Goes to a step (callback of a button)."""
    state.remember(setup=step)


def draw(at: str) -> None:
    """Where one is, in words and in order."""
    parts = [f"**{n}  {say(f'setup.step_{name}')}**" if name == at else f"{n}  {say(f'setup.step_{name}')}"
             for n, name in enumerate(STEPS, 1)]
    st.markdown("  →  ".join(parts))
