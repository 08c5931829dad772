"""The works of a case side by side: the closest from plain noise first, those not tried last."""

from __future__ import annotations

from explorer.findings.case_plane import case_plane
from explorer.findings.case_works import works_of
from explorer.images.decode import png_bytes
from explorer.records import Start
from tests.pages.filled import fill, picture


def test_tried_works_come_first_and_the_given_ones_do_not_count(tmp_path):
    case, subject_id = fill(tmp_path)
    other = case.add_subject(png_bytes(picture(3, noise=0.2)), "other.png")
    rows = works_of(case)
    assert [r.subject.id for r in rows] == [subject_id, other.id]
    assert rows[0].tries == 12 and rows[1].closest is None and rows[1].value("tiled_l2") is None
    # replays 0 to 2 were given the subject and are closer; the closest from noise is the fourth
    assert rows[0].closest.id == "replay0003" and rows[0].given.id == "replay0000"


def test_a_replay_from_noise_is_found_behind_many_that_were_given_the_work(tmp_path):
    case, _ = fill(tmp_path)
    assert works_of(case)[0].closest.id == "replay0003"


def test_the_plane_charges_what_was_given(tmp_path):
    case, subject_id = fill(tmp_path)
    plane = case_plane(case, subject_id)
    bits = {p.replay_id: p.bits for p in plane.points}
    assert len(bits) == 12
    assert bits["replay0000"] > 10 * bits["replay0003"]  # the starting image is most of it
    assert {c.codec for c in plane.codecs} == {"WebP", "JPEG", "AVIF", "thumbnail"}
    assert min(plane.points, key=lambda p: p.bits).start is Start.NOISE and plane.band is plane.tested is None


def test_no_plane_without_replays(tmp_path):
    case, _ = fill(tmp_path)
    other = case.add_subject(png_bytes(picture(3, noise=0.2)), "other.png")
    assert case_plane(case, other.id) is None
