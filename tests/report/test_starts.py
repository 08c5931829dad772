"""What a replay started from is said alike in captions, tables, plots and the ledger, whichever it is."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from explorer.cases.snapshot import snapshot
from explorer.findings.case_plane import case_plane
from explorer.findings.gallery import Wish, gallery_page
from explorer.findings.series import Page, best_so_far, by_strength, case_effort, closest
from explorer.images.decode import png_bytes
from explorer.records import Start
from explorer.report.blocks import Figure, PictureRow, Table
from explorer.report.chosen import exhibit_of
from explorer.report.options import ReportOptions
from explorer.report.page_one import answer_blocks
from explorer.report.subject_part import body_blocks
from explorer.report.write_report import document_of
from tests.report.case_for_report import make_case, picture

PUT_IN = "It comes back because it was put in"


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def more(case, start, *, value, seed=77, exhibit=False):
    """Another replay of the first search, of that start and as close as `value`."""
    subject = case.subjects()[0]
    first = case.made(subject.id, "search1")[0]
    png, noise = png_bytes(picture(seed)), np.zeros((4, 8, 8), "<f4").tobytes()
    given = {Start.NOISE: {}, Start.SUBJECT: {"start_sha256": subject.pixels_sha256, "strength": 0.3},
             Start.REPLAY: {"start_sha256": first.image_sha256, "strength": 0.6},
             Start.OPTIMISED: {"noise_blob": hashlib.sha256(noise).hexdigest()},
             Start.FITTED: {"embedding_blob": hashlib.sha256(noise).hexdigest()}}[start]
    made = dataclasses.replace(
        first, id=f"{start}{seed}", recipe=dataclasses.replace(first.recipe, seed=seed, **given), exhibit=exhibit,
        image_sha256=hashlib.sha256(png).hexdigest(), closeness=first.closeness | {"tiled_l2": value})
    case.commit(made, blobs={hashlib.sha256(b).hexdigest(): b for b in (png, noise)})
    return made


def captions(case):
    """Captions of the first subject's pictures in the report."""
    found = snapshot(case)
    subject = found.subjects()[0]
    exhibit = exhibit_of(found, subject, score="tiled_l2")
    blocks = [*answer_blocks(found, subject, exhibit, score="tiled_l2"),
              *body_blocks(found, subject, exhibit, score="tiled_l2")]
    rows = [p for b in blocks if isinstance(b, PictureRow) for p in b.pictures]
    return [p.caption for p in (*rows, *(b for b in blocks if isinstance(b, Figure)))]


@pytest.mark.parametrize(("start", "words", "why"), [
    (Start.SUBJECT, "given the subject's picture at strength 0.3", PUT_IN),
    (Start.REPLAY, "given another replay's picture at strength 0.6", "led there in rounds"),
    (Start.OPTIMISED, "from optimised noise", "the noise was made for it")])
def test_the_closest_of_the_others_is_captioned_by_what_it_was_given(case, start, words, why):
    more(case, start, value=-0.001)  # before those that the case has
    caption = next(c for c in captions(case) if c.startswith("For comparison"))
    assert words in caption and why in caption
    assert start is Start.SUBJECT or (PUT_IN not in caption and "subject's picture" not in caption)


@pytest.mark.parametrize("start", [Start.SUBJECT, Start.REPLAY, Start.OPTIMISED])
def test_where_none_is_from_plain_noise_the_report_says_so(tmp_path, start):
    case = make_case(tmp_path)
    other = case.add_subject(png_bytes(picture(8)), "other.png")
    made = more(case, start, value=0.2)
    recipe = made.recipe
    if start is Start.SUBJECT:
        recipe = dataclasses.replace(recipe, start_sha256=other.pixels_sha256)
    case.commit(dataclasses.replace(made, id="alone", subject_id=other.id, search_id="alone", recipe=recipe))
    lead = next(p.caption for b in document_of(case, options=ReportOptions(subject_ids=(other.id,))).blocks
                if isinstance(b, PictureRow) for p in b.pictures if p.caption.startswith("The closest replay"))
    assert "none from plain noise" in lead and "of 1 from noise" not in lead


def test_every_try_and_every_exhibit_names_its_start(case):
    for n, start in enumerate(Start):
        more(case, start, value=0.3 + n / 100, seed=60 + n, exhibit=True)
    said = " ".join(captions(case))
    for words in ("from noise", "given the subject's picture at strength 0.3",
                  "given another replay's picture at strength 0.6", "from optimised noise",
                  "under words that were fitted to the image"):
        assert words in said
    tried = next(b for b in document_of(case).everything() if isinstance(b, Table) and b.head[0] == "Try")
    at = tried.head.index("Started from")
    assert [row[at] for row in tried.rows[-5:]] == ["noise", "the subject, 0.3", "another replay, 0.6",
                                                    "optimised noise", "fitted words"]


def test_plane_series_gallery_and_effort_tell_them_apart(case):
    made = {start: more(case, start, value=0.1, seed=60 + n) for n, start in enumerate(Start)}
    subject = case.subjects()[0]
    for view in (case, snapshot(case)):
        points = {p.replay_id: p.start for p in case_plane(view, subject.id).points}
        assert {s: points[r.id] for s, r in made.items()} == {s: s for s in Start}
        tries = view.tries(subject.id)
        assert made[Start.REPLAY].id not in {p.replay_id for p in by_strength(tries)}
        assert {p.start for p in best_so_far(tries, "tiled_l2")} == {Start.NOISE}
        for start, replay in made.items():
            items = gallery_page(view, subject, Wish(start=start), Page(1, 50)).items
            assert replay.id in {r.id for r in items} and {r.recipe.start(subject) for r in items} == {start}
            assert case_effort(view, subject, start=start).tries == len(items)
        near = closest(view, subject, "tiled_l2")
        assert near.noise.recipe.start(subject) is Start.NOISE is not near.given.recipe.start(subject)
