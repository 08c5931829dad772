"""Choose a folder below the roots in the settings, and nothing outside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from explorer.folders import folders_in, inside
from pages.shared.state import Here
from pages.shared.texts import say


def folder(now: Here, key: str, roots: Sequence[Path]) -> str:
    """Walks from a root down; returns the folder that was chosen, "" before that."""
    usable = [str(r) for r in roots if r.is_dir()]
    if not usable:
        st.caption(say("pick.no_roots"))
        st.page_link("pages/library/settings_page.py", label=say("pick.to_settings"), icon=":material/settings:")
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
        return folder(now, what, [*map(Path, roots), *made])
    typed = st.text_input(say(f"pick.typed_{what}"), key=f"typed_{what}", help=say(f"pick.typed_{what}_help"))
    return typed.strip()
