"""The map of a collection: the directions of most spread, the same every time, and a picture's place on it."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.collections.atlas import SIMILARITIES, components, make_atlas, read_atlas, write_atlas
from explorer.collections.open import open_collection
from explorer.errors import ExplorerError


def test_the_axes_are_those_of_most_spread():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(400, 6)) * np.array([0.1, 5.0, 0.1, 2.0, 0.1, 0.1]) + 3.0
    mean, axes, kept = components(rows.astype(np.float32))
    assert np.allclose(np.abs(axes), np.eye(6)[[1, 3]], atol=0.05) and kept > 0.99
    assert np.allclose(mean, rows.mean(axis=0), atol=1e-4)


def test_a_work_lies_where_its_embedding_lies(world, tmp_path):
    collection = open_collection("world")
    atlas = make_atlas(collection)
    assert atlas.places.shape == (collection.works, 2) and 0 < atlas.kept < 1
    for number in (0, 5, 99):
        assert np.allclose(atlas.place(collection.vectors([number])[0]), atlas.places[number], atol=1e-5)
    assert atlas.titles[5] == collection.rows([5])[0].title
    assert atlas.place(np.ones(3)) is None
    at = np.searchsorted(SIMILARITIES, 0.9)
    assert atlas.standing[at] == pytest.approx(collection.percentiles(SIMILARITIES[at:at + 1])[0], abs=1e-3)
    assert (np.diff(atlas.standing) >= 0).all() and atlas.standing[-1] == 100
    write_atlas(atlas, tmp_path / "a" / "atlas.npz")
    back = read_atlas(tmp_path / "a" / "atlas.npz")
    assert back.ids == atlas.ids and np.array_equal(back.places, atlas.places) and back.kept == atlas.kept


def test_a_damaged_file_is_a_sentence_and_a_missing_one_is_none(tmp_path):
    assert read_atlas(tmp_path / "none.npz") is None
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ExplorerError, match="cannot be read"):
        read_atlas(tmp_path / "bad.npz")
