"""A sweep laid out by two or three of its settings (X/Y/Z): the closest replay of each cell, small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from explorer.cases.case import Case
from explorer.cases.view import Try
from explorer.collections.thumbnails import blurred, shrink
from explorer.images.decode import png_bytes, read_png
from explorer.records.samplers import sampler_label
from explorer.records.scores import SCORES, shown
from explorer.search.grid import MOST_VALUES, Sheet, sheets, varied
from pages.shared import widgets
from pages.shared.texts import say

CELL_PX = 88


def draw(case: Case, tries: Sequence[Try], score: str, *, key: str) -> None:
    """Folded away: which settings go across, down and from sheet to sheet, and the sheets."""
    axes = varied(tries)
    if len(axes) < 2:
        return
    with st.expander(say("grid.title"), icon=":material/grid_on:"):
        across, down, through = st.columns(3)
        named = list(axes)
        x = across.selectbox(say("grid.x"), named, index=0, key=f"grid_x_{key}", format_func=_name)
        others = [a for a in named if a != x]
        y = down.selectbox(say("grid.y"), others, index=0, key=f"grid_y_{key}_{x}", format_func=_name)
        rest = ["", *(a for a in others if a != y)]
        z = through.selectbox(say("grid.z"), rest, index=0, key=f"grid_z_{key}_{x}_{y}", format_func=_name)
        if not st.toggle(say("grid.show"), key=f"grid_show_{key}"):
            return
        for axis in (a for a in (x, y, z) if a and axes[a] > MOST_VALUES):
            st.caption(say("grid.closest", axis=_name(axis), most=MOST_VALUES, total=axes[axis]))
        for sheet in sheets(tries, score=score, x=x, y=y, z=z):
            if z:
                st.markdown(f"**{_name(z)}: {widgets.quoted(_value(z, sheet.value))}**")
            st.html(_table(case, sheet, score, x=x, y=y))
        st.caption(say("grid.note", label=SCORES[score].label))


def _name(axis: str) -> str:
    return say(f"grid.{axis}") if axis else say("grid.none")


def _value(axis: str, value: Any) -> str:
    if axis == "strength" and isinstance(value, tuple):
        return say(f"start_short.{value[0]}", strength=f"{value[1]:g}")
    if axis == "strength":
        return say("grid.from_noise") if value is None else f"{value:g}"
    if axis == "scheduler":
        return sampler_label(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(case: Case, sheet: Sheet, score: str, *, x: str, y: str) -> str:
    head = "".join(f'<th scope="col">{widgets.quoted(_value(x, v))}</th>' for v in sheet.columns)
    lines = [f"<tr><td></td>{head}</tr>"]
    for value, cells in zip(sheet.rows, sheet.cells, strict=True):
        row = "".join(f"<td>{_cell(case, cell, score)}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{widgets.quoted(_value(y, value))}</th>{row}</tr>')
    label = widgets.quoted(say("grid.alt", x=_name(x), y=_name(y)))
    return ('<div style="overflow-x:auto" tabindex="0" role="region" aria-label="' + label + '">'
            '<table class="sweep">' + "".join(lines) + "</table></div>")


def _cell(case: Case, cell: tuple[Try, int] | None, score: str) -> str:
    if cell is None:
        return ""
    replay, count = case.replay(cell[0].id), cell[1]
    small = png_bytes(shrink(read_png(case.blob(replay.image_sha256)), CELL_PX))
    small = blurred(small) if replay.flagged else small
    text = shown(score, replay.closeness[score]) + (f" · {say('grid.of', n=count)}" if count > 1 else "")
    alt = say("grid.cell", value=text, seed=replay.recipe.seed)
    return (f'<img src="{widgets.data_address(small)}" alt="{widgets.quoted(alt)}" '
            f'style="width:{CELL_PX}px;height:auto;display:block"><small>{widgets.quoted(text)}</small>')
