"""Works that a replay may be a near copy of: one and all, through an index, from a folder or a collection."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from explorer.cases.store import CaseStore
from explorer.closeness.pixel_scores import tiled_l2
from explorer.collections.embeddings import EmbeddingRows
from explorer.errors import ExplorerError
from explorer.evidence.near_works import Near, OneWork, Works, load_works, nearness
from explorer.evidence.populations import made_population, read_population
from explorer.world.near_copy import NearCopyRule

MANY = 300


@pytest.fixture(scope="module")
def pictures():
    """(MANY, 64, 64, 3) uint8: coarse random colours."""
    small = np.random.default_rng(1).integers(0, 256, (MANY, 4, 4, 3), np.uint8)
    return np.stack([np.asarray(Image.fromarray(s).resize((64, 64), Image.Resampling.NEAREST)) for s in small])


@pytest.fixture(scope="module")
def listed():
    return [OneWork(f"work {n}", f"Title {n}", f"caption of {n}", f"Artist {n % 3}") for n in range(MANY)]


def noisy(rgb, amount=12):
    return np.clip(rgb.astype(int) + np.random.default_rng(2).integers(-amount, amount, rgb.shape), 0, 255).astype(
        np.uint8)


def reader(listed, pictures):
    number = {w: i for i, w in enumerate(listed)}
    return lambda work: pictures[number[work]]


def test_the_nearest_work_and_the_next_are_those_of_single_comparisons(listed, pictures):
    works = Works(listed, [True] * MANY, reader(listed, pictures))
    found = works.nearest([noisy(pictures[17]), pictures[200]])
    apart = [sorted((tiled_l2(p, image), i) for i, p in enumerate(pictures))[:2]
             for image in (noisy(pictures[17]), pictures[200])]
    for one, ((first, place), (second, _)) in zip(found, apart, strict=True):
        assert one.work == f"work {place}" and one.distance == pytest.approx(first, abs=2e-3)
        assert one.to_next == pytest.approx(second, abs=2e-3)


def test_a_rival_that_is_nearer_keeps_a_likeness_from_counting(listed, pictures):
    protected = [n == 3 for n in range(MANY)]
    near, = Works(listed, protected, reader(listed, pictures)).nearest([pictures[4]])
    assert near.work == "work 3" and near.to_next < 2e-3
    assert not NearCopyRule(1.0, 0.8).holds(near.distance, near.to_next)
    assert nearness(near, NearCopyRule(1.0, 0.8)) > 1 > nearness(Near("w", 0.1, 0.5), NearCopyRule(0.19, 0.8))


def test_another_file_of_the_work_among_the_rivals_hides_no_near_copy(listed, pictures):
    """Whoever adds the protected work, or the folder that it came from, would else count no hit at all."""
    rule, rivals = NearCopyRule(0.19, 0.8), [OneWork("its copy"), OneWork("its double"), OneWork("another")]
    shown = {w.name: p for w, p in zip(rivals, (pictures[3], noisy(pictures[3], 4), pictures[5]), strict=True)}
    alone = Works(listed[:4], [True] * 4, reader(listed, pictures))
    read = reader(listed, pictures)
    among = Works([*listed[:4], *rivals], [True] * 4 + [False] * 3,
                  lambda w: shown[w.name] if w.name in shown else read(w))
    image = noisy(pictures[3])
    before, after = alone.nearest([image])[0], among.nearest([image])[0]
    assert rule.holds(before.distance, before.to_next) and rule.holds(after.distance, after.to_next)
    assert after.work == "work 3" and after.to_next > 0.1


def test_through_an_index_the_same_works_are_found(listed, pictures, tmp_path):
    """Embeddings that are the pictures themselves, so that a near copy is near by CLIP too."""
    rows = pictures.reshape(MANY, -1)[:, ::97].astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    np.save(tmp_path / "a.npy", rows[:170])
    np.save(tmp_path / "b.npy", rows[170:])

    def encode(images):
        flat = np.stack([i.reshape(-1)[::97] for i in images]).astype(np.float32)
        return flat / np.linalg.norm(flat, axis=1, keepdims=True)

    whole = Works(listed, [True] * MANY, reader(listed, pictures))
    split = Works(listed, [True] * MANY, reader(listed, pictures), whole=100, encode=encode,
                  rows=EmbeddingRows([tmp_path / "a.npy", tmp_path / "b.npy"]))
    images = [noisy(pictures[n]) for n in (0, 99, 171, 299)]
    assert split.by_index and not whole.by_index
    for a, b in zip(whole.nearest(images), split.nearest(images), strict=True):
        assert a.work == b.work and a.distance == pytest.approx(b.distance, abs=2e-3)


def test_too_many_works_without_an_index_and_none_protected_are_refused(listed, pictures):
    with pytest.raises(ExplorerError, match="one and all"):
        Works(listed, [True] * MANY, reader(listed, pictures), whole=100)
    with pytest.raises(ExplorerError, match="No work is protected"):
        Works(listed, [False] * MANY, reader(listed, pictures))


def test_works_come_from_a_folder_with_the_world_as_rivals(tmp_path, pictures):
    (tmp_path / "cases").mkdir()
    case = CaseStore(tmp_path / "cases").create("A case")
    folder = tmp_path / "mine"
    folder.mkdir()
    for n in range(3):
        Image.fromarray(pictures[n]).save(folder / f"{n}.png")
    works = load_works(str(folder), only=("1.png",), rivals="world", case=case, cache=tmp_path)
    assert int(works.protected.sum()) == 1 and len(works.listed) > 2000
    near, = works.nearest([noisy(pictures[1])])
    assert near.work == "1.png" and near.distance < 0.1 < near.to_next


def test_populations_are_made_of_the_works_words(listed):
    captions = read_population(made_population(listed[:4], "captions"), name="x")
    assert [p.prompt for p in captions] == [f"caption of {n}" for n in range(4)]
    reworded = read_population(made_population(listed[:6], "rewordings"), name="x")
    assert reworded[0].prompt == "a drawing of Title 0" and len({p.prompt for p in reworded}) == 6
    with pytest.raises(ExplorerError, match="needs a file"):
        made_population(listed, "log")
    with pytest.raises(ExplorerError, match="neither captions nor titles"):
        made_population([OneWork("a")], "captions")
