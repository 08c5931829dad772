"""Settings: workspace, folders, device, models, caches, workers. Nothing here leaves this computer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from explorer import texts
from explorer.clip.known_clips import check_choice, clips_here
from explorer.errors import ExplorerError
from explorer.folders import empty_folder, folder_bytes, usable_root
from explorer.jobs import launch
from explorer.settings import save_settings
from pages.library import models_panel
from pages.shared import speech, state
from pages.shared.texts import plain, say, size

_ANOTHER = ""

now = state.here()
settings = now.settings
st.title(say("settings.title"))
st.markdown(say("settings.lead"))

st.header(say("settings.workspace"), anchor=False)
st.markdown(say("settings.home", path=str(settings.home), size=size(now.store.size_bytes())))
st.caption(say("settings.home_text"))
if now.person:
    st.caption(say("settings.person", person=now.person.replace("`", "")))


def _roots(name: str) -> None:
    """The folders of one kind, each with a button that takes it off; and a field for one more."""
    st.header(say(f"settings.{name}"), anchor=False)
    st.caption(say(f"settings.{name}_text"))
    folders = getattr(settings, name)
    for number, folder in enumerate(folders):
        path, drop = st.columns([5, 1], vertical_alignment="center")
        path.code(folder, language=None, wrap_lines=True)
        if drop.button(say("settings.drop"), key=f"drop_{name}_{number}", width="stretch"):
            save_settings(replace(settings, **{name: tuple(f for f in folders if f != folder)}))
            st.rerun()
    with st.form(f"add_{name}", border=False, clear_on_submit=True):
        field, add = st.columns([5, 1], vertical_alignment="bottom")
        text = field.text_input(say("settings.folder"), placeholder=say("settings.folder_hint"))
        sent = add.form_submit_button(say("settings.add"), width="stretch")
    if sent and text.strip():
        try:
            root = usable_root(text)
        except ExplorerError as error:  # said here; the rest of the page stays
            st.error(plain(str(error)), icon=":material/error:")
        else:
            save_settings(replace(settings, **{name: (*folders, root)}))
            st.rerun()


_roots("model_folders")
_roots("collection_folders")

st.header(say("settings.language"), anchor=False)
spoken = texts.language()
chosen = st.selectbox(say("settings.language"), texts.languages(), index=texts.languages().index(spoken),
                      format_func=texts.own_name, help=say("tip.language"), label_visibility="collapsed")
if chosen != spoken:
    save_settings(replace(settings, language=chosen))
    speech.choose(chosen)
    st.rerun()

st.header(say("settings.device"), anchor=False)
devices = ("auto", "cpu", "cuda", "mps")
with st.form("device", border=False):
    device = st.selectbox(say("settings.device_label"), devices, help=say("tip.device"),
                          index=devices.index(settings.device) if settings.device in devices else 0,
                          format_func=lambda d: say(f"device.{d}"))
    memory = st.number_input(say("settings.memory"), 256, 1_048_576, settings.model_memory_mb, 256,
                             help=say("tip.memory"))
    known = clips_here(settings.home) | {settings.clip: Path(settings.clip).name, "world": say("use.world_clip")}
    listed = st.selectbox(say("settings.clip"), [*known, _ANOTHER], index=list(known).index(settings.clip),
                          help=say("tip.clip"), format_func=lambda c: known.get(c, say("settings.clip_another")))
    folder = st.text_input(say("settings.clip_folder"), placeholder=say("settings.folder_hint"),
                           help=say("settings.clip_folder_help"))
    offline = st.toggle(say("settings.offline"), settings.offline, help=say("tip.offline"))
    if st.form_submit_button(say("settings.save"), type="primary"):
        try:
            clip = check_choice(folder, settings.home) if folder.strip() or listed == _ANOTHER else listed
        except ExplorerError as error:  # nothing is saved; what was entered stays
            st.error(plain(str(error)), icon=":material/error:")
        else:
            save_settings(replace(settings, device=device, model_memory_mb=memory, clip=clip, offline=offline))
            st.toast(say("settings.saved"), icon=":material/check_circle:")
            st.rerun()

st.header(say("settings.workers"), anchor=False)
st.caption(say("settings.workers_text"))
models_panel.workers(now)
if st.button(say("settings.stop"), icon=":material/stop_circle:", help=say("settings.stop_help")):
    launch.stop_workers(settings)
    st.rerun()

st.header(say("settings.caches"), anchor=False)
st.markdown(say("settings.cache", path=plain(str(settings.cache)), size=size(folder_bytes(settings.cache))))
if st.button(say("settings.clear"), icon=":material/cleaning_services:", help=say("settings.clear_help")):
    empty_folder(settings.cache)
    st.rerun()
st.caption(say("settings.alone"))
