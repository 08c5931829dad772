"""A report's pictures of one subject: beside its closest replay, and beside one that was given more."""

from __future__ import annotations

import numpy as np
from PIL import Image

from explorer.cases.view import CaseView
from explorer.closeness.heatmap import agreement, overlay
from explorer.findings.wording import number
from explorer.images.decode import png_bytes, read_png
from explorer.records import Replay, Start, Subject
from explorer.records.scores import SCORES, shown
from explorer.report import report_texts
from explorer.report.blocks import Block, Figure, PictureRow
from explorer.report.chosen import Exhibit
from explorer.search.fit_size import fit
from explorer.texts import inside, say

LARGEST_SHOWN_PX = 1600
SMALL_PX = 256  # pictures up to this size are enlarged with hard edges
_BETWEEN_PX = 6


def subject_picture(subject: Subject, rgb: np.ndarray) -> Figure:
    """The subject as it was decoded; a very large one is reduced, and says so."""
    h, w = rgb.shape[:2]
    note = ""
    if max(h, w) > LARGEST_SHOWN_PX:
        scale = LARGEST_SHOWN_PX / max(h, w)
        image = Image.fromarray(rgb, "RGB").resize((round(w * scale), round(h * scale)), Image.Resampling.LANCZOS)
        rgb = np.asarray(image)
        note = say("document.shown_pixels", width=image.width, height=image.height, w=w, h=h)
    return Figure(png_bytes(rgb), say("document.subject_alt", name=subject.name),
                  say("document.subject_caption", name=subject.name, note=note), pixelated=max(h, w) <= SMALL_PX)


def side_by_side(found: CaseView, subject: Subject, rgb: np.ndarray, exhibit: Exhibit, score: str) -> PictureRow:
    """The subject, its closest replay, and where the two agree."""
    best = exhibit.best
    assert best is not None
    made = found.blob(best.image_sha256)
    made_rgb = read_png(made)
    target = fit(rgb, height_px=made_rgb.shape[0], width_px=made_rgb.shape[1])
    small = max(made_rgb.shape[:2]) <= SMALL_PX
    heat = png_bytes(overlay(target, agreement(target, made_rgb)))
    start = report_texts.began(best.recipe, subject)
    group = start if best.recipe.start(subject) is Start.NOISE else say("document.none_from_noise", start=start)
    lead = say("document.exhibit_1_closest" if best.exhibit else "document.closest_replay")
    return PictureRow((
        subject_picture(subject, rgb),
        Figure(made, lead, say("document.closest_of", lead=lead, tries=number(exhibit.judged.tries), group=group,
                               seed=best.recipe.seed, closeness=closeness(best, score)), small),
        Figure(heat, say("document.map_agreement"), say("document.where_they_agree"), small)))


def other_pictures(found: CaseView, subject: Subject, exhibit: Exhibit, score: str) -> list[Block]:
    """For comparison: one of another search that came closer, and the closest that was given more than noise."""
    figures = []
    if exhibit.closer is not None:
        alt = say("page_one.closer", seed=exhibit.closer.recipe.seed, closeness=closeness(exhibit.closer, score))
        figures.append(_figure(found, exhibit.closer, alt, alt))
    if exhibit.given is not None:
        start = report_texts.began(exhibit.given.recipe, subject)
        why = say(f"document.comes_back.{exhibit.given.recipe.start(subject)}")
        figures.append(_figure(
            found, exhibit.given, say("document.closest_replay_given", start=start),
            say("document.for_comparison", start=start, closeness=closeness(exhibit.given, score), why=why)))
    return [PictureRow(tuple(figures))] if figures else []


def _figure(found: CaseView, replay: Replay, alt: str, caption: str) -> Figure:
    png = found.blob(replay.image_sha256)
    return Figure(png, alt, caption, max(read_png(png).shape[:2]) <= SMALL_PX)


def pair(found: CaseView, subject: Subject, replay: Replay, caption: str) -> Figure:
    """Subject and replay in one picture, at the replay's size."""
    made = read_png(found.blob(replay.image_sha256))
    target = fit(read_png(found.blob(subject.pixels_sha256)), height_px=made.shape[0], width_px=made.shape[1])
    gap = np.full((made.shape[0], _BETWEEN_PX, 3), 255, np.uint8)
    return Figure(png_bytes(np.hstack([target, gap, made])), say("page_one.pair_alt", name=subject.name), caption,
                  max(made.shape[:2]) <= SMALL_PX)


def closeness(replay: Replay, score: str) -> str:
    """A replay's closeness inside a sentence."""
    return f"{inside(SCORES[score].label)} {shown(score, replay.closeness[score])}"
