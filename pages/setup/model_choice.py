"""Which model: one of the known list, a folder or file on this computer, or another one on the hub."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from explorer.diffusion.known import KNOWN, KnownModel
from explorer.diffusion.locate import locate
from explorer.errors import ExplorerError
from explorer.folders import typed_path, usable_root
from explorer.records.families import facts
from explorer.settings import save_settings
from explorer.setup.choices import Choices, fetchable
from pages.setup import steps
from pages.shared.state import Here
from pages.shared.texts import plain, say, size

WAYS = ("list", "folder", "hub")


def draw(now: Here, found: Choices) -> Choices:
    """The choice, and what is known of the model."""
    first = "list" if found.known else "hub" if fetchable(found.model) else "folder"
    way = st.segmented_control(say("setup.model_way"), WAYS, default=first, required=True, key="setup_model_way",
                               format_func=lambda w: say(f"setup.model_{w}"), label_visibility="collapsed")
    if way == "list":
        return _listed(now, found)
    if way == "folder":
        return _on_disk(now, found)
    typed = st.text_input(say("models.download_id"), "" if found.known else found.model, key="setup_model_id",
                          help=say("models.download_id_help")).strip()
    if typed and not fetchable(typed):
        st.error(say("setup.no_hub_id"), icon=":material/error:")
        return found
    return steps.change(now, found, model=typed) if typed else found


def _listed(now: Here, found: Choices) -> Choices:
    models = {m.source: m for m in KNOWN}
    first = found.known.source if found.known else KNOWN[0].source
    source = st.selectbox(say("setup.model_which"), list(models), index=list(models).index(first),
                          format_func=lambda s: _line(models[s]), key="setup_model")
    known = models[source]
    here = _here(now, source)
    st.markdown(say("setup.model_facts", licence=plain(known.licence), px=facts(known.family).size_px,
                    state=say("setup.here") if here else say("setup.to_fetch", size=size(known.size_bytes))))
    st.caption(plain(known.training))
    if known.gated and not here:
        st.warning(say("setup.model_gated"), icon=":material/lock:")
    return steps.change(now, found, model=source)


def _line(known: KnownModel) -> str:
    return say("setup.model_line", name=known.name, size=size(known.size_bytes))


def _here(now: Here, source: str) -> bool:
    try:
        return bool(locate(source, home=now.settings.home).files)
    except ExplorerError:
        return False


def _on_disk(now: Here, found: Choices) -> Choices:
    """A path that is typed: looked at here, and its folder may be opened from now on."""
    own = found.model if Path(found.model).is_absolute() else ""
    typed = st.text_input(say("setup.model_path"), own, placeholder=say("setup.model_path_hint"),
                          key="setup_model_path").strip()
    if not typed:
        st.caption(say("setup.model_path_help"))
        return found
    try:
        path = typed_path(typed).resolve()
        model = locate(str(path), home=now.settings.home)
        root = usable_root(str(path if path.is_dir() else path.parent))
    except ExplorerError as error:  # said here; the rest of the page stays
        st.error(plain(str(error)), icon=":material/error:")
        return found
    if root not in now.settings.model_folders:
        save_settings(replace(now.settings, model_folders=(*now.settings.model_folders, root)))
    st.markdown(say("setup.model_found", name=plain(model.name), family=facts(model.family).label))
    return steps.change(now, found, model=str(path))
