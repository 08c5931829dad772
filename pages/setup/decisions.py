"""The five decisions: model, its CLIP, one's pictures and what to compare with, controls, effort."""

from __future__ import annotations

import streamlit as st

from explorer.clip.known_clips import KNOWN as CLIPS
from explorer.clip.known_clips import belongs_to, clips_here
from explorer.errors import ExplorerError
from explorer.records.policy import TIERS
from explorer.setup.choices import Choices, Needed, needed
from pages.setup import model_choice, setup_pictures, steps
from pages.shared.state import Here
from pages.shared.texts import plain, say, size

EFFORTS = TIERS[:3]


def draw(now: Here) -> None:
    """All five, each in a box with the answer filled in, and the button that goes on."""
    found = steps.choices(now)
    with _box(1, "model"):
        found = model_choice.draw(now, found)
    try:
        need = needed(found, now.settings)
    except ExplorerError as error:  # of a CLIP that is gone: another can be chosen below
        st.error(plain(str(error)), icon=":material/error:")
        found = steps.change(now, found, clip="")
        need = needed(found, now.settings)
    with _box(2, "clip"):
        found = _clip(now, found, need)
    with _box(3, "works"):
        found = setup_pictures.works(now, found)
    with _box(4, "controls"):
        found = setup_pictures.controls(now, found)
    with _box(5, "effort"):
        found = _effort(now, found)
    st.button(say("setup.go_on"), type="primary", icon=":material/arrow_forward:", key="setup_go_on",
              on_click=steps.to, args=("plan",), disabled=bool(need.why))


def _box(number: int, name: str):
    box = st.container(border=True, key=f"decision_{name}")
    box.subheader(f"{number}  {say(f'setup.{name}')}", anchor=False)
    return box


def _clip(now: Here, found: Choices, need: Needed) -> Choices:
    state = say("setup.here") if need.clip_here else say("setup.to_fetch", size=size(_bytes(need)))
    st.markdown(say("setup.clip_chosen", name=plain(need.clip_name), state=state))
    with st.expander(say("setup.clip_other")):
        here = {spec: name or say("use.world_clip") for spec, name in clips_here(now.settings.home).items()}
        names = {"": say("setup.clip_own")} | {k.spec: k.name for k in CLIPS.values()} | {
            spec: name for spec, name in here.items() if name not in {k.name for k in CLIPS.values()}}
        names.setdefault(found.clip, found.clip)
        spec = st.selectbox(say("settings.clip"), list(names), index=list(names).index(found.clip),
                            format_func=lambda s: names[s], help=say("tip.clip"), key="setup_clip_spec")
    return steps.change(now, found, clip=spec)


def _bytes(need: Needed) -> int:
    named = (k.size_bytes for k in CLIPS.values() if k.name == need.clip_name)
    return next(named, belongs_to(need.family).size_bytes)


def _effort(now: Here, found: Choices) -> Choices:
    seeds = st.radio(say("setup.effort"), EFFORTS, index=EFFORTS.index(found.seeds), key="setup_seeds",
                     format_func=lambda n: say(f"setup.effort_{n}"), label_visibility="collapsed")
    return steps.change(now, found, seeds=seeds)
