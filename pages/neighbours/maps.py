"""Where the subject lies in its collection: the collection in two dimensions, and how alike unrelated works are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from explorer.collections.atlas import SIMILARITIES, Atlas, atlas_path, read_atlas
from explorer.jobs.tasks import MapCollection
from explorer.records import CollectionInfo, Embedding, Neighbour
from pages.neighbours import work_cards
from pages.shared import plots, state
from pages.shared.texts import say
from pages.tasks import submit

_INK, _WARM, _GREY = "#2f8591", "#b8722f", "#9aa0a6"
NAMED = 48  # nearest works that are marked


def draw(here: state.Here, found: Sequence[Neighbour]) -> None:
    """The map and the standing of the nearest works, or a way to have them drawn."""
    st.header(say("map.title"), anchor=False)
    atlas = _atlas(here, found[0].collection)
    if atlas is None:
        _offer(here)
        return
    nearest = [n for n in found[:NAMED] if n.collection == found[0].collection]
    left, right = st.columns(2, gap="large")
    with left:
        clicked = _map(here, atlas, nearest)
    with right:
        clicked = _standing(atlas, nearest) or clicked
    if clicked and clicked != st.session_state.get("map_clicked"):
        st.session_state["map_clicked"] = clicked
        state.remember(work=clicked)
        st.rerun()


def _atlas(here: state.Here, collection: str) -> Atlas | None:
    """The atlas of the collection in which these neighbours were found, read once a tab."""
    infos = [i for i in here.open_case.records(CollectionInfo) if i.name == collection]
    if not infos:
        return None
    path = atlas_path(here.settings.cache, infos[-1].fingerprint)
    known = st.session_state.get("atlas")
    if known is None or known[0] != str(path) or known[1] is None:
        known = (str(path), read_atlas(path))
        st.session_state["atlas"] = known
    return known[1]


def _offer(here: state.Here) -> None:
    tried = submit.result_of(here, state.remembered("map"))
    st.caption(say("map.other" if tried else "map.none"))
    if st.button(say("map.draw"), icon=":material/map:", disabled=bool(submit.active(here, "MapCollection",
                                                                                    case_only=False))):
        state.remember(map=submit.submit(here, MapCollection(here.settings.collection)))
        st.rerun()


def _map(here: state.Here, atlas: Atlas, nearest: Sequence[Neighbour]) -> str:
    where = {work_id: n for n, work_id in enumerate(atlas.ids)}
    marked = [(n, atlas.places[where[n.work_id]]) for n in nearest if n.work_id in where]
    names = [say("map.name", title=t or say("works.no_title"), creator=c or say("works.no_creator"))
             for t, c in zip(atlas.titles, atlas.creators, strict=True)]
    traces = [_dots(say("map.works"), atlas.places, names, [""] * len(names), _GREY, "circle", 5),
              _dots(say("map.nearest"), [p for _, p in marked], [_name(n) for n, _ in marked],
                    [work_cards.item_id(n) for n, _ in marked], _INK, "circle", 10)]
    mine = _mine(here, atlas)
    if mine is not None:
        traces.append(_dots(say("map.subject"), [mine], [here.open_subject.name], [""], _WARM, "star", 18))
    axis = {"showticklabels": False, "zeroline": False}
    clicked = _draw(traces, {"xaxis": {**axis, "title": {"text": say("map.first")}},
                             "yaxis": {**axis, "title": {"text": say("map.second")}}},
                    key="map", alt=say("map.alt"))
    st.caption(say("map.text", kept=f"{atlas.kept:.0%}", shown=f"{len(atlas.ids):,}", works=f"{atlas.works:,}"))
    return clicked


def _mine(here: state.Here, atlas: Atlas) -> np.ndarray | None:
    for found in reversed(here.open_case.records(Embedding, subject_id=here.open_subject.id)):
        if found.dim == len(atlas.mean):
            return atlas.place(np.frombuffer(here.open_case.blob(found.blob), "<f4"))
    return None


def _standing(atlas: Atlas, nearest: Sequence[Neighbour]) -> str:
    known = [n for n in nearest if n.percentile is not None]
    if not len(atlas.standing) or not known:
        st.caption(say("map.no_standing"))
        return ""
    line = {"type": "scatter", "mode": "lines", "name": say("map.unrelated"), "x": SIMILARITIES.tolist(),
            "y": atlas.standing.tolist(), "line": {"color": _GREY, "width": 2}, "hoverinfo": "skip"}
    dots = _dots(say("map.nearest"), [(n.similarity, n.percentile) for n in known], [_name(n) for n in known],
                 [work_cards.item_id(n) for n in known], _INK, "circle", 9)
    clicked = _draw([line, dots], {"xaxis": {"title": {"text": say("map.similarity")}, "range": [-0.5, 1.05]},
                                   "yaxis": {"title": {"text": say("map.percentile")}, "range": [-3, 104]}},
                    key="standing", alt=say("map.standing_alt"))
    st.caption(say("map.standing_text"))
    return clicked


def _name(found: Neighbour) -> str:
    return say("map.neighbour", rank=found.rank, similarity=f"{found.similarity:.3f}", name=say(
        "map.name", title=found.title or say("works.no_title"), creator=found.creator or say("works.no_creator")))


def _dots(name: str, places: Sequence[Any], names: Sequence[str], ids: Sequence[str], colour: str, symbol: str,
          size: int) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "name": name, "x": [float(p[0]) for p in places],
            "y": [float(p[1]) for p in places], "text": [_harmless(n) for n in names],
            "customdata": [[i] for i in ids], "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": colour, "size": size, "symbol": symbol, "line": {"width": 0.5, "color": "#ffffff"}}}


def _harmless(name: str) -> str:
    """Hover texts know a little HTML: a name from outside is shown letter by letter."""
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _draw(traces: list[dict[str, Any]], axes: dict[str, Any], *, key: str, alt: str) -> str:
    layout = {"height": 400, "margin": {"l": 8, "r": 8, "t": 56, "b": 40}, "clickmode": "event+select",
              "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "dragmode": False, **axes}
    return plots.pick(traces, layout, key=key, alt=alt)
