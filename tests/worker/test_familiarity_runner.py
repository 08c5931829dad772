"""Tests of familiarity through the worker, on a tiny model with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from explorer.errors import ExplorerError
from explorer.familiarity.records import BodyTest, FamiliarityTest, KnownControls
from explorer.images.decode import png_bytes
from explorer.jobs.tasks import MeasureBody, MeasureFamiliarity, MeasureKnownControls
from tests.diffusion import tiny
from tests.worker.test_runners import sources, work  # noqa: F401


@pytest.fixture
def folder(tmp_path) -> Path:
    """Noise pictures of twelve artists, a caption each, and a file that is none."""
    draw = np.random.default_rng(7)
    for i in range(24):
        place = tmp_path / f"artist {i // 2}"
        place.mkdir(exist_ok=True)
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        (place / f"{i:02}.png").write_bytes(png_bytes(rgb))
        (place / f"{i:02}.txt").write_text("a window", "utf-8")
    (tmp_path / "zz.png").write_bytes(b"%PDF-1.7")
    return tmp_path


def known(work, folder, *, test="k", words="caption", subject=None):  # noqa: F811
    return MeasureFamiliarity(work.case.id, subject or work.subject.id, test, words, str(folder) if folder else "",
                              work.settings.model, work.settings.clip)


def test_a_subject_is_ranked_among_controls_under_a_logged_plan(work, folder):  # noqa: F811
    done = work.run(MeasureKnownControls(str(folder), "caption", work.settings.model, work.settings.clip))
    assert done["controls"] == 24 and done["artists"] == 12
    told = work.run(known(work, folder))
    test, = work.case.records(FamiliarityTest)
    controls, = work.case.records(KnownControls)
    assert told["value"] == test.value and test.prompt == "a door" and test.controls_id == controls.id
    assert test.finding.kind in ("familiarity_known", "familiarity_not_known", "familiarity_do_not_fit",
                                 "familiarity_made", "familiarity_too_few")
    assert not test.made_by.measured and test.ratio > 0
    kinds = [entry.kind for entry in work.case.log()]
    assert kinds.index("familiarity test planned") < kinds.index("FamiliarityTest")
    entries = len(work.case.log())
    assert work.run(known(work, folder)) == told and len(work.case.log()) == entries  # done is not done again


def test_other_words_after_a_look_are_exploratory(work, folder):  # noqa: F811
    work.run(known(work, None))
    again = work.run(known(work, None, test="k2", words="fitted"))
    assert again["finding"]["kind"] == "familiarity_exploratory" and again["earlier_tests"] == 1
    assert work.case.records(FamiliarityTest)[0].finding.kind == "familiarity_no_controls"


def test_a_body_of_work_is_ranked_by_artists(work, folder):  # noqa: F811
    work.run(MeasureKnownControls(str(folder), "caption", work.settings.model, work.settings.clip))
    draw = np.random.default_rng(9)
    for n in range(3):
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        subject = work.case.add_subject(png_bytes(rgb), f"{n}.png", caption="a door")
        work.run(known(work, folder, test=f"k{n}", subject=subject.id))
    told, = work.run(MeasureBody(work.case.id))
    body, = work.case.records(BodyTest)
    assert body.of == "familiarity" and len(body.subject_ids) == 3 and body.control_artists == 12
    assert body.smallest == 1 / 13 <= body.p <= 1 and told["p"] == body.p


def test_a_case_without_tests_has_no_body_of_work(work):  # noqa: F811
    with pytest.raises(ExplorerError, match="no work that was tested"):
        work.run(MeasureBody(work.case.id))


def test_words_that_are_not_offered_and_a_picture_without_a_caption(work):  # noqa: F811
    with pytest.raises(ExplorerError, match="caption, recovered, fitted"):
        work.run(known(work, None, words="guessed"))
    rgb = np.random.default_rng(2).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    bare = work.case.add_subject(png_bytes(rgb), "bare.png")
    with pytest.raises(ExplorerError, match="none"):
        work.run(known(work, None, subject=bare.id))
