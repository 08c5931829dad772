"""Near copies: eight planted kinds are found, look-alikes are not, at the door too."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from explorer.collections import pairs
from explorer.collections.build import index_folder
from explorer.collections.copycheck import Door
from explorer.collections.duplicates import (
    CopyRule,
    deduplicated,
    find_duplicates,
    near_copies,
    store_multiplicity,
)
from explorer.collections.embed import embed_folder
from explorer.collections.likeness import likeness
from explorer.collections.open import open_collection
from explorer.collections.pairs import equal_rows, groups, hash_pairs, vector_pairs
from explorer.collections.signatures import distance, hashes, mirrored, signature
from explorer.collections.stored_signatures import read_signatures

from .conftest import picture, unit_rows
from .planted import KINDS, plant
from .test_build import GridEncoder

WORKS = 80


def tower(light: float, sky: int) -> np.ndarray:
    """One tower from one place on another day: the same subject, another photograph."""
    page = Image.new("RGB", (128, 128), (sky, sky, 255 if sky > 128 else 60))
    draw = ImageDraw.Draw(page)
    shade = tuple(int(c * light) for c in (190, 170, 140))
    draw.polygon([(54 + sky // 20, 20), (70 + sky // 20, 20), (78, 128), (46, 128)], fill=shade)
    rng = np.random.default_rng(sky)
    for _ in range(14):
        x, y = rng.integers(0, 128, 2).tolist()
        draw.ellipse((x, y * 0.5, x + 30, y * 0.5 + 12), fill=(255 - sky // 3,) * 3)
    return np.asarray(page)


def test_each_planted_kind_is_found_and_nothing_else():
    originals = [picture(i) for i in range(WORKS)]
    copies = [plant(originals[i], kind, i) for i, kind in enumerate(list(KINDS) * (WORKS // len(KINDS)))]
    marks = np.stack([signature(p) for p in originals + copies])
    found = near_copies(unit_rows(2 * WORKS, 16), marks, CopyRule())  # embeddings that say nothing
    hit = found.group[WORKS:] == np.arange(WORKS)
    assert hit.mean() >= 0.9, [k for k, h in zip(list(KINDS) * 10, hit, strict=True) if not h]
    assert len(set(found.group[:WORKS])) == WORKS  # no two originals are joined
    assert found.by_multiplicity[2] == 2 * hit.sum() and found.checked


def test_two_photographs_of_one_tower_are_no_copies():
    shots = [tower(1.0, 220), tower(0.6, 40), tower(0.9, 160)]
    marks = np.stack([signature(s) for s in shots])
    same = np.tile(unit_rows(1, 16), (3, 1))  # CLIP would call them near
    same = same + 0.05 * unit_rows(3, 16, seed=1)
    found = near_copies(same / np.linalg.norm(same, axis=1, keepdims=True), marks, CopyRule())
    assert found.distinct == 3


def test_a_blank_page_is_nobodys_copy():
    pages = np.stack([signature(np.full((64, 64, 3), v, np.uint8)) for v in (250, 251, 252)])
    assert near_copies(unit_rows(3, 8), pages, CopyRule()).distinct == 3


def test_without_pictures_only_near_equal_embeddings_count():
    rows = unit_rows(50, 64)
    rows[10] = rows[3]
    rows[11] = rows[4] + 0.02 * rows[5]
    found = near_copies(rows, None, CopyRule())
    assert found.group[10] == 3 and found.group[11] == 4 and found.distinct == 48 and not found.checked


def test_a_crowd_of_equal_copies_is_one_group():
    rows = np.concatenate([np.tile(unit_rows(1, 16), (300, 1)), unit_rows(40, 16, seed=4)])
    found = near_copies(rows, None, CopyRule())
    assert found.multiplicity[0] == 300 and found.by_multiplicity[300] == 300


def test_cells_find_what_exact_search_finds(monkeypatch):
    rows = unit_rows(6000, 32, seed=2)
    rows[3000:3200] = rows[:200] + 0.05 * unit_rows(200, 32, seed=3)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    left, right, cosine = vector_pairs(rows, k=5, least=0.99)
    found = set(zip(left.tolist(), right.tolist(), strict=True))
    assert sum((i, 3000 + i) in found for i in range(200)) >= 196
    assert (left < right).all() and cosine.min() >= 0.99
    monkeypatch.setattr(pairs, "SMALL", 10_000)
    exact = vector_pairs(rows, k=5, least=0.99)
    assert found <= set(zip(exact[0].tolist(), exact[1].tolist(), strict=True))


def test_hashes_within_three_bits_share_a_band():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 500, dtype=np.uint64)
    near = base[:50] ^ np.uint64((1 << 3) | (1 << 20) | (1 << 60))
    left, right = hash_pairs(np.concatenate([base, near]))
    assert set(zip(left.tolist(), right.tolist(), strict=True)) == {(i, 500 + i) for i in range(50)}
    assert distance(base[0], near[0]) == 3


def test_groups_and_equal_rows():
    assert groups(6, np.array([0, 3, 1]), np.array([1, 4, 2])).tolist() == [0, 0, 0, 3, 3, 5]
    rows = np.array([[1, 2], [3, 4], [1, 2], [1, 2]], np.float16)
    first, other = equal_rows(rows)
    assert first.tolist() == [0, 0] and other.tolist() == [2, 3]


def test_mirror_and_hash_agree():
    one = picture(7)
    mark, turned = signature(one)[None], signature(one[:, ::-1])[None]
    assert hashes(mirrored(mark))[0] == hashes(turned)[0]
    assert likeness(mark, turned)[0] == pytest.approx(1, abs=1e-3)
    assert likeness(mark, signature(picture(8))[None])[0] < 0.9


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Twenty pictures and three copies of the first, built as a collection."""
    base = tmp_path_factory.mktemp("duplicates")
    (base / "pictures").mkdir()
    for i in range(20):
        Image.fromarray(picture(i)).save(base / "pictures" / f"{i:02d}.png")
    for kind in ("mirrored", "half size", "jpeg 30"):
        Image.fromarray(plant(picture(0), kind, 0)).save(base / "pictures" / f"copy {kind}.png")
    embed_folder(base / "pictures", base / "out", GridEncoder(), clip="grid")
    index_folder(base / "out")
    return base / "out"


def test_multiplicity_is_reported_stored_and_exported(built: Path, tmp_path: Path):
    collection = open_collection(str(built))
    found = find_duplicates(collection)
    assert found.by_multiplicity == {1: 19, 4: 4} and found.distinct == 20
    assert deduplicated(collection, found, tmp_path / "list.csv") == 20
    with open(tmp_path / "list.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [r["multiplicity"] for r in rows if r["work_id"] == "00.png"] == ["4"] and len(rows) == 20
    store_multiplicity(collection, found)
    works = {w.work_id: w.multiplicity for w in open_collection(str(built)).rows(range(23))}
    assert works["copy mirrored.png"] == 4 and works["05.png"] == 1


def test_signatures_are_read_from_pictures_once(built: Path, tmp_path: Path):
    collection = open_collection(str(built))
    stored = read_signatures(collection)
    for path in (built / "signatures").iterdir():
        path.rename(tmp_path / path.name)
    read = read_signatures(collection, cache=tmp_path)
    assert np.abs(read.astype(int) - stored.astype(int)).max() <= 1
    assert len(list((tmp_path / "signatures").glob("*.npy"))) == 1
    assert np.array_equal(read_signatures(collection, cache=tmp_path), read)
    for path in tmp_path.glob("*.npy"):
        path.rename(built / "signatures" / path.name)


def test_the_door_flags_copies_and_lets_others_pass(built: Path):
    collection = open_collection(str(built))
    door = Door(collection, read_signatures(collection))
    for kind in KINDS:
        seen = door.check(plant(picture(5), kind, 3))
        assert seen.is_near_copy and seen.work_id == "05.png", kind
    others = [door.check(picture(i)) for i in range(100, 130)]
    assert not any(o.is_near_copy for o in others)
    assert not door.check(np.full((64, 64, 3), 255, np.uint8)).is_near_copy
    from explorer.images.prepare import fit_square

    embedding = GridEncoder().encode_images([fit_square(picture(9), 32)])[0]
    both = door.check(picture(9), embedding)
    assert both.by == "both" and both.cosine > 0.99 and both.bits == 0


def test_reranking_puts_the_picture_itself_first(built: Path):
    from explorer.collections.rerank_works import rerank
    from explorer.images.prepare import fit_square

    collection = open_collection(str(built))
    query = GridEncoder().encode_images([fit_square(picture(3), 32)])[0]
    found = collection.search(query, 6)
    order = [found[4], *found[1:4], found[0], found[5]]
    ranked = rerank(picture(3), order, only=("tiled_l2", "psnr"))
    assert ranked[0].neighbour.work_id == "03.png" and ranked[0].neighbour.rank == 1
    assert ranked[0].closeness["tiled_l2"] < 0.01 and ranked[0].clip_rank == 1
    values = [r.closeness["tiled_l2"] for r in ranked]
    assert values == sorted(values) and set(ranked[0].closeness) == {"tiled_l2", "psnr"}
