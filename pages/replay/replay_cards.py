"""Replays on the screen: gallery, one replay beside the subject, its scores, recipe and bits."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import streamlit as st

from explorer.cases.case import Case
from explorer.images.decode import png_bytes, read_png
from explorer.records import LedgerEntry, Recipe, Replay, Subject, to_json
from explorer.records.samplers import sampler_label
from explorer.records.scores import SCORES, shown
from explorer.search.fit_size import fit
from pages.shared import model_names, widgets
from pages.shared.texts import plain, retold, say, texts_of

MOST_HEAT_PX = 512
FIRST_SCORES = ("tiled_l2", "ssim", "psnr", "phash", "clip_cosine")


def how_made(replay: Replay, subject: Subject) -> str:
    """One line: what it started from, with the settings that matter."""
    recipe = replay.recipe
    return say("replay.line", start=began(recipe, subject, "line"), seed=recipe.seed, steps=recipe.steps,
               guidance=f"{recipe.guidance:g}", scheduler=sampler_label(recipe.scheduler),
               model=plain(model_names.of(recipe.model)))


def item(case: Case, replay: Replay, rank: int, score: str, *, starred: bool = False,
         model: str = "") -> widgets.GalleryItem:
    """One replay as a picture of a gallery: rank, score, seed, whether it was given the subject, and its model."""
    value = replay.closeness.get(score)
    recipe = replay.recipe
    start = began(recipe, case.subject(replay.subject_id), "short")
    title = f"{SCORES[score].label} {shown(score, value)}" if value is not None else say("replay.unscored")
    lines = (say("replay.seed_short", seed=recipe.seed), start)
    return widgets.GalleryItem(replay.id, widgets.data_address(case.blob(replay.image_sha256)), title,
                               (*lines, model) if model else lines,
                               mark=f"{'★ ' if starred else ''}{rank}",
                               alt=say("replay.alt", rank=rank, how=f"{lines[0]}, {start}"))


def began(recipe: Recipe, subject: Subject, form: str) -> str:
    """What a replay started from, as a part of a "line", in "short", or for a picture to "share"."""
    return say(f"start_{form}.{recipe.start(subject)}", strength=f"{recipe.strength or 0:g}")


def score_table(replay: Replay, names: tuple[str, ...] = ()) -> None:
    """Every score with its range, which end is closer, and in plain words what it means."""
    chosen = [n for n in (names or tuple(SCORES)) if n in replay.closeness]
    rows = [f"| **{SCORES[n].label}** | {shown(n, replay.closeness[n])} | {reading(n)} "
            f"| {plain(SCORES[n].plain)} |" for n in chosen]
    st.markdown("\n".join([say("scores.head"), "|---|---:|---|---|", *rows]))


def score_list(closeness: Mapping[str, float]) -> None:
    """The first scores with range and direction, short enough for half a page."""
    rows = [f"| {SCORES[n].label} | **{shown(n, closeness[n])}** | {reading(n)} |"
            for n in FIRST_SCORES if n in closeness]
    st.markdown("\n".join([say("scores.short_head"), "|---|---:|---|", *rows]))


def reading(name: str) -> str:
    """A score's range and direction in words: "0 to 1; lower is closer"."""
    info = SCORES[name]
    unit = f" {info.unit}" if info.unit else ""
    return say(f"scores.{info.better}", low=f"{info.low:g}", high=f"{info.high:g}{unit}")


def beside(case: Case, subject: Subject, replay: Replay, *, key: str, widest_px: int = 520) -> None:
    """The subject, laid out as it was scored, and the replay in the compare slider."""
    mine, png = laid_out(case, subject, replay), case.blob(replay.image_sha256)
    heat, mask = covers(mine, png)
    widgets.compare((say("replay.subject_label"), png_bytes(mine)), (say("replay.replay_label"), png), key=key,
                    heat=heat, mask=mask, widest_px=widest_px)


def covers(subject_rgb: np.ndarray, png: bytes) -> tuple[bytes, bytes]:
    """Two PNGs to lay over the replay: where the two agree, and what the masked scores look at.

    None for pictures too large to draw at once.
    """
    from explorer.closeness.heatmap import agreement, overlay, shaded  # scipy: only where a map is drawn
    from explorer.closeness.pixel_scores import drawn_mask
    other = read_png(png)
    if other.shape != subject_rgb.shape or max(other.shape) > MOST_HEAT_PX:
        return b"", b""
    return (png_bytes(overlay(other, agreement(subject_rgb, other))),
            png_bytes(shaded(other, drawn_mask(subject_rgb, other))))


def laid_out(case: Case, subject: Subject, replay: Replay) -> np.ndarray:
    """(h, w, 3) uint8: the subject at the replay's size, as it was scored."""
    rgb = read_png(case.blob(subject.pixels_sha256))
    return fit(rgb, height_px=replay.recipe.height_px, width_px=replay.recipe.width_px)


def recipe_block(replay: Replay) -> None:
    """The recipe as text to copy or save, and the hashes where it is an exhibit."""
    text = json.dumps(to_json(replay.recipe), indent=1, sort_keys=True, ensure_ascii=False)
    st.code(text, language="json", height=260)
    st.download_button(say("replay.save_recipe"), text.encode(), file_name=f"recipe-{replay.id[:12]}.json",
                       mime="application/json", on_click="ignore", key=f"recipe_{replay.id}")
    if replay.hashes:
        st.markdown("\n".join(f"- {say(f'hash.{k}')}: `{v}`" for k, v in sorted(replay.hashes.items())))
    else:
        st.caption(say("replay.no_hashes"))


def ledger_table(ledger: tuple[LedgerEntry, ...]) -> None:
    """Bits that the person supplied, by source, and how each was counted."""
    if not ledger:
        st.caption(say("replay.no_ledger"))
        return
    sources = texts_of("supplied")
    rows = [f"| {plain(sources.get(e.source, e.source))} | {e.bits:,.1f} | {plain(retold(e.code))} |"
            for e in ledger]
    st.markdown("\n".join([say("ledger.head"), "|---|---:|---|", *rows]))
