"""Pictures on which a test errs most easily: derived from works seen often, the same by another hand, doubles."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from explorer.closeness.tiled import tiled_distance
from explorer.world.files import open_world
from explorer.world.hard_works import ORDER, display, pixels, read_hard_works
from explorer.world.manifest import load_small, read_manifest
from explorer.world_build import build_hard_works as build
from explorer.world_build.hands.draw_svg import rendered

RED = '<svg xmlns="http://www.w3.org/2000/svg" width="40px" height="20px">' \
      '<rect width="40" height="20" style="fill:#ff0000; stroke : none;odd"/></svg>'


def test_styles_become_attributes_and_a_size_becomes_a_view_box():
    plain = build.plain_svg(RED)
    root = ET.fromstring(plain)
    assert root.get("viewBox") == "0 0 40 20" and root[0].get("style") is None
    assert (root[0].get("fill"), root[0].get("stroke")) == ("#ff0000", "none")
    assert np.array_equal(np.asarray(rendered(plain, 64)), np.asarray(rendered(RED, 64)))
    with pytest.raises(ValueError, match="size"):
        build.plain_svg('<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>')


@pytest.mark.parametrize("title, wanted", [("Simple Red Apples", {"apples", "apple", "red apples", "red apple"}),
                                           ("horse#2", {"horse"}), ("?!", set())])
def test_what_a_title_is_a_picture_of(title, wanted):
    assert set(build.concepts(build.title_words(title))) == wanted


@pytest.mark.parametrize("one, other, same", [
    ("digital camera", "Digital-Camera", True), ("house", "small house", True),
    ("house", "house boat race", False), ("cherry pie", "cherry", False)])
def test_titles_that_name_the_same_thing(one, other, same):
    assert build.same_thing(build.title_words(one), build.title_words(other)) is same


@pytest.fixture(scope="module")
def shipped():
    world = open_world()
    rows = {r["id"]: r for r in read_manifest(world)}
    return world, rows, {g: [r for role in ("test", "tuning") for r in read_hard_works(world, g, role=role)]
                         for g in ORDER}


def test_every_row_belongs_to_a_work_that_was_seen_often_and_is_itself_unseen(shipped):
    _, rows, groups = shipped
    trained = {r["sha256"] for r in rows.values() if r["split"] == "train"}
    for group, found in groups.items():
        assert len({r["id"] for r in found}) == len(found)
        for row in found:
            member = rows[row["member"]]
            assert member["split"] == "train" and member["multiplicity"] == row["multiplicity"]
            assert row["multiplicity"] >= (16 if group == "doubles" else 64)
            assert row["sha256"] == hashlib.sha256(row["picture"]).hexdigest() not in trained
            assert row["licence"] and row["source"] and row["creator"] and display(row).ndim == 3


def test_a_work_belongs_to_tuning_or_to_test_with_all_that_was_made_after_it(shipped):
    world, _, groups = shipped
    for group in groups:
        tuning = {r["member"] for r in read_hard_works(world, group, role="tuning")}
        test = {r["member"] for r in read_hard_works(world, group)}
        assert test and not tuning & test


def test_derived_pictures_move_away_from_their_work_with_the_grade(shipped):
    world, rows, groups = shipped
    names = sorted({r["member"] for r in groups["derived"]})
    works = dict(zip(names, load_small(world.root, [rows[n]["image"] for n in names]), strict=True))
    for kind in ("moved", "left_out", "photograph", "crop"):
        far = {1: [], 3: []}
        for row in groups["derived"]:
            if row["kind"] == kind and row["grade"] in far:
                a, b = (x.astype(np.float32) / 255 for x in (pixels(row), works[row["member"]]))
                far[row["grade"]].append(tiled_distance(a[None], b)[0])
        assert np.median(far[3]) > np.median(far[1]) > 0
