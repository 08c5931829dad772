"""Emoji sets read from their packages, near copies found, pictures derived from vectors."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer.world.files import open_world
from explorer.world.manifest import read_manifest, small
from explorer.world_build import truth
from explorer.world_build.hands import after, derived, near, one_draw, pixel_edits, plan, sets
from explorer.world_build.hands.draw_svg import rendered, webp
from explorer.world_build.hands.pool import CandidatePool, work_of

HEART = '<path fill="#e02020" d="M32 56 6 30A15 15 0 0 1 32 14 15 15 0 0 1 58 30Z"/>'
BODY = f'{HEART}<circle cx="20" cy="22" r="5" fill="#fff"/><rect x="2" y="2" width="9" height="9" fill="#123456"/>'


def _package(folder, icons, chars=None, categories=None, aliases=None):
    folder.mkdir(parents=True)
    data = {"icons": {n: {"body": BODY} for n in icons}, "width": 64, "height": 64, "aliases": aliases or {}}
    (folder / "icons.json").write_text(json.dumps(data))
    (folder / "chars.json").write_text(json.dumps(chars or {}))
    (folder / "metadata.json").write_text(json.dumps({"categories": categories or {}}))


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """All sets with a few drawings each, named in the ways that the real ones are."""
    root = tmp_path_factory.mktemp("npm")
    for hand in sets.HANDS:
        _package(root / hand.key, ["scorpion"], {"1f982": "scorpion"})
    for key in ("twemoji", "fxemoji"):
        for path in (root / key).iterdir():
            path.unlink()
        (root / key).rmdir()
    flags = [f"flag-place-{n}" for n in range(270)]
    _package(root / "twemoji", ["red-heart", "waving-hand", "waving-hand-dark-skin-tone", "light-bulb", *flags],
             {"2764-fe0f": "red-heart", "1f44b": "waving-hand", "1f4a1": "light-bulb"},
             {"Smileys & Emotion": ["red-heart"]}, {"heavy-heart": {"parent": "red-heart"}})
    _package(root / "fxemoji", ["heavyblackheart", "nosuchfoxsmiling"])
    library = root / "emojilib" / "dist"
    library.mkdir(parents=True)
    words = {"\u2764\ufe0f": ["red_heart", "love", "like", "affection", ":3", "valentines", "more"]}
    (library / "emoji-en-US.json").write_text(json.dumps(words))
    return root


def test_one_concept_has_one_name_whatever_its_set_calls_it(packages):
    by_id = {(d.hand.key, d.name): d for d in sets.read_sets(packages)}
    one, other = by_id["twemoji", "red-heart"], by_id["fxemoji", "heavyblackheart"]
    assert one.concept == other.concept == "2764" and one.title == other.title == "red heart"
    assert one.keywords[:3] == ("smileys emotion", "love", "like") and "more" not in one.keywords
    assert len({d.id for d in by_id.values()}) == len(by_id)


def test_tones_are_left_out_and_flags_are_few(packages):
    names = [d.name for d in sets.read_sets(packages) if d.hand.key == "twemoji"]
    assert "waving-hand" in names and "light-bulb" in names
    assert not [n for n in names if "skin-tone" in n]
    flags = [n for n in names if n.startswith("flag")]
    assert 0.3 * sets.FLAGS_KEPT < len(flags) < 2 * sets.FLAGS_KEPT


def test_runs_of_words_are_split(packages):
    names = sets.Names(packages)
    assert names.split("americanfootball") == ["american", "football"]
    assert names.split("xqzjv") == ["xqzjv"]


def test_near_copies_as_the_older_grouping_finds_them():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (6, 64, 64, 3)).astype(np.uint8)
    near_ones = np.clip(base[:3].astype(int) + rng.integers(-12, 13, base[:3].shape), 0, 255).astype(np.uint8)
    inked = np.full((2, 64, 64, 3), 255, np.uint8)
    inked[0, 20:40, 20:40], inked[1, 20:40, 21:41] = 0, (200, 30, 30)
    pixels = np.concatenate([base, near_ones, inked])
    captions = [f"work {n}" for n in range(len(pixels))]
    captions[5] = "Work, 4"
    expected = {tuple(sorted(pair)) for pair in truth._pairs(captions, pixels)}
    found = {(j, i) for i, others in enumerate(near.neighbours(captions, pixels)) for j in others if j < i}
    assert found == expected and {(0, 6), (4, 5), (9, 10)} <= found


def test_a_chain_of_near_copies_is_not_one_family(monkeypatch):
    monkeypatch.setattr(near, "neighbours", lambda *_: [[1], [0, 2], [1]])
    found = near.leaders(["a", "b", "c"], np.zeros((3, 64, 64, 3), np.uint8), np.array([0, 2, 1]))
    assert found.tolist() == [0, 0, 2]


def _pixels(svg: str) -> np.ndarray:
    return small(webp(rendered(svg)))


def _svg():
    return sets.whole_svg({"icons": {"x": {"body": BODY}}, "width": 64, "height": 64}, "x")


@pytest.mark.parametrize("kind", derived.KINDS)
def test_derived_pictures_differ_more_with_the_grade_and_follow_their_seed(kind):
    plain, other = _pixels(_svg()).astype(float), _svg().replace("#e02020", "#20e020")
    apart = []
    for grade in derived.GRADES:
        svg = derived.derive(_svg(), kind, grade, 5, other)
        assert svg == derived.derive(_svg(), kind, grade, 5, other)
        apart.append(np.abs(_pixels(svg) - plain).mean())
    assert min(apart) > 0.3
    if kind in ("left_out", "outlines", "background", "merged"):
        assert apart[0] < apart[-1]


def test_merging_needs_another_drawing():
    with pytest.raises(ValueError, match="another drawing"):
        derived.derive(_svg(), "merged", 1, 0)


@pytest.mark.parametrize("kind", pixel_edits.KINDS)
def test_pixel_edits_go_further_with_the_grade(kind):
    image = rendered(_svg())
    apart = [np.abs(np.asarray(pixel_edits.KINDS[kind](image, g, np.random.default_rng(2)), float)
                    - np.asarray(image)).mean() for g in derived.GRADES]
    assert 0 < apart[0] < apart[1] < apart[2]
    assert isinstance(pixel_edits.KINDS[kind](image, 1, np.random.default_rng(2)), Image.Image)


def test_pictures_made_after_members_are_drawn_with_source_and_licence(packages, tmp_path):
    found = [work_of(d) for d in sets.read_sets(packages)]
    pixels = np.stack([_pixels(_svg())] * len(found))
    world = open_world(tmp_path / "world", tmp_path / "cache")
    one_draw.build(world, CandidatePool(found, pixels, np.arange(len(found))), 1, frozenset())
    counts = after.build(world, packages)
    members = [r for r in read_manifest(world) if r["multiplicity"] >= 64 and r["variant"] == "same"
               and r["role"] in after.ROLES]
    assert members and set(counts.values()) == {3 * len(members)}
    rows = {r["id"]: r for r in read_manifest(world)}
    for picture in pq.read_table(world.root / "derived.parquet").to_pylist():
        assert (world.root / picture["image"]).exists()
        source = rows[picture["member"]]
        assert source["licence"] in picture["licence"] and source["attribution"] in picture["attribution"]
        alone = {h.key for h in sets.HANDS if h.share_alike}
        if picture["partner"] and {source["hand"], rows[picture["partner"]]["hand"]} & alone:
            assert source["hand"] == rows[picture["partner"]]["hand"]
    assert plan.views(works_labels(world))[256] >= 256


def works_labels(world):
    """Labels as the manifest says them."""
    return [plan.Assignment(r["split"], r["multiplicity"]) for r in read_manifest(world)]
