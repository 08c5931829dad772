"""Choose a folder below the roots in the settings, and nothing outside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from explorer.errors import ExplorerError
from explorer.folders import folders_in, inside, usable_root
from explorer.settings import save_settings
from pages.shared.state import Here
from pages.shared.texts import plain, say


def folder(now: Here, key: str, roots: Sequence[Path], *, adds: str = "collection_folders") -> str:
    """Walks from a root down; returns the folder that was chosen, "" before that.

    Where there is no root yet one can be added right here, to the settings' list that `adds` names.
    """
    usable = [str(r) for r in roots if r.is_dir()]
    if not usable:
        st.caption(say("pick.no_roots"))
        add_root(now, key, adds)
        return ""
    root = st.selectbox(say("pick.root"), usable, key=f"root_{key}")
    at = inside(Path(root), st.session_state.get(f"at_folder_{key}", root))
    st.markdown(say("pick.at", path=str(at)))
    below = folders_in(at)
    with st.container(horizontal=True):
        top = at == Path(root).resolve()
        if not top and st.button(say("pick.up"), key=f"up_{key}", icon=":material/arrow_upward:"):
            st.session_state[f"at_folder_{key}"] = str(at.parent)
            st.rerun()
        for name in below:
            if st.button(name, key=f"down_{key}_{name}", icon=":material/folder:"):
                st.session_state[f"at_folder_{key}"] = str(at / name)
                st.rerun()
    chosen = st.checkbox(say("pick.this"), key=f"this_{key}_{at}")
    return str(at) if chosen else ""


def add_root(now: Here, key: str, adds: str) -> None:
    """A field for a folder that may be opened from now on, with what is wrong with it where something is."""
    with st.form(f"add_root_{key}", border=False):
        field, add = st.columns([5, 1], vertical_alignment="bottom")
        typed = field.text_input(say("settings.folder"), key=f"root_text_{key}",
                                 placeholder=say("settings.folder_hint"))
        sent = add.form_submit_button(say("settings.add"), width="stretch")
    if not sent or not typed.strip():
        return
    try:
        root = usable_root(typed)
    except ExplorerError as error:  # said here; the rest of the page stays
        st.error(plain(str(error)), icon=":material/error:")
        return
    kept = getattr(now.settings, adds)
    save_settings(replace(now.settings, **{adds: tuple(dict.fromkeys((*kept, root)))}))
    st.rerun()


def source(now: Here, what: str) -> str:
    """The bundled one, a folder from a root, or a name or address typed by hand; "" before a choice."""
    ways = ("world", "folder", "typed")
    names = dict(zip(ways, ("pick.way_world", "pick.way_folder", f"pick.way_typed_{what}"), strict=True))
    way = st.segmented_control(say(f"pick.{what}"), ways, default="world", required=True, key=f"way_{what}",
                               format_func=lambda w: say(names[w]))
    if way == "world":
        return "world"
    if way == "folder":
        roots = now.settings.model_folders if what == "model" else now.settings.collection_folders
        own = now.settings.home / "collections"
        made = [own] if what == "collection" and own.is_dir() else []
        return folder(now, what, [*map(Path, roots), *made],
                      adds="model_folders" if what == "model" else "collection_folders")
    typed = st.text_input(say(f"pick.typed_{what}"), key=f"typed_{what}", help=say(f"pick.typed_{what}_help"))
    return typed.strip()
