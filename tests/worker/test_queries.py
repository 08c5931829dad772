"""Queries of a collection by a part of the subject and by words; the neighbours' closeness."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.collections.queries import mix
from explorer.errors import ExplorerError
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.tasks import CompareNeighbours, EncodeQuery, EncodeText
from explorer.records import Neighbour
from tests.worker.test_runners import sources, work  # noqa: F401


def query(work, **parts) -> EncodeQuery:  # noqa: F811
    return EncodeQuery(work.case.id, work.subject.id, clip=work.settings.clip, **parts)


def test_a_query_is_the_image_a_part_of_it_or_a_mixture(work):  # noqa: F811
    whole = work.run(query(work))
    assert whole["side"] == "image" and whole["subject_id"] == work.subject.id
    assert work.case.embedding(work.subject.id, whole["clip_fingerprint"]) is not None
    part = work.run(query(work, box=(0.0, 0.0, 0.5, 0.5)))
    rgb = read_png(work.case.blob(work.subject.pixels_sha256))
    half = rgb[:rgb.shape[0] // 2, :rgb.shape[1] // 2]
    other = work.case.add_subject(png_bytes(half), "half.png")
    alone = work.run(EncodeQuery(work.case.id, other.id, clip=work.settings.clip))
    assert np.allclose(part["embedding"], alone["embedding"], atol=1e-5)
    assert not np.allclose(part["embedding"], whole["embedding"], atol=1e-3)
    both = work.run(query(work, text="a boat", text_weight=0.3))
    words = work.run(EncodeText("a boat", work.settings.clip))
    wanted = mix(np.array(whole["embedding"]), np.array(words["embedding"]), text_weight=0.3)
    assert both["side"] == "mixed" and np.allclose(both["embedding"], wanted, atol=1e-5)
    asked = [e.body for e in work.case.log() if e.kind == "collection asked"]
    assert len(asked) == 2 and asked[0]["box"] == [0, 0, 0.5, 0.5] and asked[1]["text"] == "a boat"


def test_a_crooked_region_is_a_sentence(work):  # noqa: F811
    for box in ((0.5, 0.0, 0.2, 1.0), (0.0, 1.0)):
        with pytest.raises(ExplorerError, match="region"):
            work.run(query(work, box=box))


def test_neighbours_get_the_closeness_of_their_pictures(work, tmp_path):  # noqa: F811
    rgb = read_png(work.case.blob(work.subject.pixels_sha256))
    noise = np.random.default_rng(5).integers(0, 256, rgb.shape, np.uint8)
    for name, pixels in (("other", noise), ("same", rgb)):
        (tmp_path / f"{name}.png").write_bytes(png_bytes(pixels))
    with pytest.raises(ExplorerError, match="no neighbours"):
        work.run(CompareNeighbours(work.case.id, work.subject.id))
    for rank, name in enumerate(("other", "gone", "same"), 1):
        path = "" if name == "gone" else str(tmp_path / f"{name}.png")
        work.case.commit(Neighbour(work.subject.id, rank, "c", name, 1 - rank / 10, image_path=path))
    assert work.run(CompareNeighbours(work.case.id, work.subject.id)) == {"compared": 2, "works": 3}
    other, gone, same = work.case.neighbours(work.subject.id)
    assert [n.rank for n in (other, gone, same)] == [1, 2, 3] and gone.closeness == {}
    assert same.closeness["tiled_l2"] == 0 and same.closeness["efficientnet"] == pytest.approx(0, abs=1e-4)
    assert same.closeness["copy_cosine"] > other.closeness["copy_cosine"]
    assert other.closeness["tiled_l2"] > 0.1 and set(other.closeness) == set(same.closeness)
