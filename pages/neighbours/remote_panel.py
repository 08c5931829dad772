"""A collection that somebody else serves: what its service may hide, what it hid, and its pictures on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.collections.thumbnails import Thumbnail, blurred, fetch_thumbnails
from explorer.records import Neighbour
from pages.neighbours import work_cards
from pages.shared import state, widgets
from pages.shared.texts import plain, say

HIDES = {"duplicates": "remote.duplicates", "unsafe": "remote.unsafe", "violence": "remote.violence"}
_GONE = {"dead": "remote.dead", "refused": "remote.refused"}


def options(now: state.Here) -> dict[str, Any]:
    """Fields of SearchCollection that only a service knows, as chosen here; {} for a collection that is here."""
    if not is_remote(now.settings.collection):
        return {}
    with st.expander(say("remote.title"), icon=":material/filter_alt:"):
        st.markdown(say("remote.text"))
        there = st.toggle(say("remote.there"), help=say("remote.there_help"), key="remote_there")
        hide = tuple(n for n, text in HIDES.items() if st.checkbox(say(text), key=f"remote_{n}"))
        shift = st.checkbox(say("remote.shift"), key="remote_shift")
        score = st.slider(say("remote.score"), 0, 9, 9, key="remote_score") if shift else -1
    return {"read_there": there, "hide": hide, "aesthetic": score}


def is_remote(source: str) -> bool:
    """Whether a collection is a service's address."""
    return source.startswith(("http://", "https://"))


def told(result: dict[str, Any]) -> None:
    """What a service's filters removed, and whether its CLIP is the one chosen here."""
    said = result.get("remote")
    if not said:
        return
    if said["warning"]:
        st.warning(plain(said["warning"]), icon=":material/warning:")
    elif not said["checked"]:
        st.caption(say("remote.unchecked"))
    if said["hidden"]:
        st.caption(say("remote.removed", n=said["removed"], names=", ".join(said["hidden"])))
    else:
        st.caption(say("remote.nothing_hidden"))
    for note in said["notes"]:
        st.caption(plain(note))


def pictures(here: state.Here, found: Sequence[Neighbour], *, key: str) -> None:
    """Offers to fetch the pictures of works that are elsewhere; they stay in this tab's memory and are blurred."""
    away = [n for n in found if is_remote(n.source) and not n.image_path]
    if not away:
        return
    if here.settings.offline:
        st.caption(say("remote.offline"))
        return
    kept = f"thumbnails_{key}"
    if st.button(say("remote.fetch", n=len(away)), help=say("remote.fetch_help"), key=f"fetch_{key}"):
        with st.spinner(say("remote.fetching")):
            st.session_state[kept] = list(fetch_thumbnails([n.source for n in away], offline=False))
    seen = st.session_state.get(kept)
    if seen and len(seen) == len(away):
        clear = st.toggle(say("remote.clear"), key=f"clear_{key}")
        items = [_item(n, t, clear=clear) for n, t in zip(away, seen, strict=True)]
        widgets.gallery(items, key=f"pictures_{key}", label=say("works.label"))


def _item(work: Neighbour, seen: Thumbnail, *, clear: bool) -> widgets.GalleryItem:
    src = widgets.data_address(seen.png if clear else blurred(seen.png)) if seen.png else ""
    lines = (work.creator or say("works.no_creator"),) if seen.state == "ok" else (
        say(_GONE[seen.state]), seen.reason)
    title = work.title or say("works.no_title")
    return widgets.GalleryItem(work_cards.item_id(work), src, title, lines, mark=str(work.rank),
                               alt=work_cards.alt(title, work.creator))
