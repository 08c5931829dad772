"""The table of truth groups, and that every draw follows it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from explorer.world_build.hands import plan
from explorer.world_build.hands.pool import CandidatePool, PoolWork, load

HANDS = ("twemoji", "noto", "openmoji", *plan.ROTATING)


def _work(number: int, hand: str, concept: str, creator: str) -> PoolWork:
    return PoolWork(f"{hand}-{number}", f"thing {concept or number}", creator, ("a", "b"), "CC0", creator, "s",
                    hand, concept, b"", "")


@pytest.fixture(scope="module")
def pool() -> CandidatePool:
    """560 concepts by six hands, clip-art works by creators of all sizes, and a near copy of every tenth."""
    rng = np.random.default_rng(0)
    works = [_work(n, hand, str(n), hand) for hand in HANDS for n in range(560)]
    sizes = [2] * 50 + [12] * 25 + [60] * 5
    works += [_work(100 * c + n, "oca", "", f"creator {c}") for c, size in enumerate(sizes) for n in range(size)]
    pixels = rng.integers(0, 256, (len(works), 1, 1, 3)).repeat(64, 1).repeat(64, 2).astype(np.uint8)
    leader = np.arange(len(works))
    twins = [PoolWork(**{**vars(works[i]), "id": works[i].id + "-twin"}) for i in range(0, len(works), 10)]
    leader = np.concatenate([leader, np.arange(0, len(works), 10)])
    return CandidatePool(works + twins, np.concatenate([pixels, pixels[::10]]), leader)


@pytest.fixture(scope="module")
def draws(pool):
    """Three draws."""
    return [plan.draw(pool, number) for number in (1, 2, 3)]


def test_every_row_of_the_table_gets_its_works(draws):
    for labels in draws:
        found = Counter((la.split, la.multiplicity, la.variant, la.role) for la in labels)
        for row in (*plan.MUCH_SEEN, *plan.REST):
            key = (row.label.split, row.label.multiplicity, row.label.variant, row.label.role)
            assert found[key] == row.works, row
        assert found["stranger", 0, "same", ""] == sum(plan.STRANGERS.values())


def test_tuning_members_at_every_multiplicity():
    table = (*plan.MUCH_SEEN, *plan.REST)
    tuning = {row.label.multiplicity: row.works for row in table if row.label.role == "tuning"}
    assert set(tuning) == {1, 4, 16, 64, 256} and min(tuning.values()) >= 30


def test_a_draw_follows_its_number_and_the_strangers_stay(pool, draws):
    assert plan.draw(pool, 2) == draws[1] and draws[0] != draws[1]
    strangers = [{i for i, la in enumerate(labels) if la.split == "stranger"} for labels in draws]
    assert strangers[0] == strangers[1] == strangers[2]


def test_strangers_of_the_clip_art_are_those_that_no_instrument_saw(pool):
    known = frozenset(w.id for w in pool.works if w.creator in {f"creator {c}" for c in range(60, 80)})
    labels = plan.draw(pool, 1, known)
    assert all(w.id in known for w, la in zip(pool.works, labels, strict=True)
               if la.split == "stranger" and w.hand == "oca")


def test_measured_members_trade_places_over_the_draws(draws):
    blocks = [{i for i, la in enumerate(labels) if la.role == "measure" and la.multiplicity >= 64
               and la.variant == "same"} for labels in draws]
    assert not blocks[0] & blocks[1] and not blocks[1] & blocks[2]
    for n, labels in enumerate(draws):
        for m in {0, 1, 2} - {n}:
            assert all(labels[i].split == "test" for i in blocks[m])


def test_look_alikes_show_a_much_seen_member_s_concept_by_another_hand(pool, draws):
    where = {w.id: i for i, w in enumerate(pool.works)}
    for labels in draws:
        found = [(i, where[la.member]) for i, la in enumerate(labels) if la.split == "look_alike"]
        assert len(found) >= 100
        for i, member in found:
            assert labels[member].multiplicity >= 64 and labels[i].role == labels[member].role
            assert pool.works[i].concept == pool.works[member].concept
            assert pool.works[i].hand != pool.works[member].hand


def test_doubles_are_near_copies_of_much_seen_members_and_no_near_copy_is_trained_on(pool, draws):
    for labels in draws:
        doubles = [la for la in labels if la.split == "double"]
        assert len(doubles) >= next(r.works for r in plan.MUCH_SEEN if r.label.role == "doubles")
        copies = np.flatnonzero(pool.leader != np.arange(len(labels)))
        assert {labels[i].split for i in copies} == {"double", "reserve"}


def test_each_rotating_set_is_seen_whole_half_and_not_at_all(pool, draws):
    roles = {hand: [] for hand in plan.ROTATING}
    for labels in draws:
        for hand in plan.ROTATING:
            mine = [la for w, la in zip(pool.works, labels, strict=True) if w.hand == hand and la.seen]
            members = sum(la.split == "train" for la in mine) / len(mine)
            roles[hand].append(mine[0].seen)
            assert members == pytest.approx({"whole": 1, "half": 0.5, "unseen": 0}[mine[0].seen], abs=0.02)
    assert all(sorted(seen) == sorted(plan.SEEN) for seen in roles.values())


def test_held_out_works_come_from_every_main_hand_alike(pool, draws):
    for labels in draws:
        share = {}
        for hand in ("twemoji", "noto", "openmoji"):
            mine = [la for w, la in zip(pool.works, labels, strict=True) if w.hand == hand]
            plain = sum(la.split == "train" and la.variant == "same" for la in mine)
            share[hand] = sum(la.split in ("control", "test") for la in mine) / plain
        assert max(share.values()) - min(share.values()) < 0.08


def test_views_are_counted_as_they_are_trained(draws):
    found = plan.views(draws[0])
    assert found[256] == 256 * sum(la.multiplicity == 256 for la in draws[0])
    assert plan.much_seen_share(draws[0]) == pytest.approx((found[64] + found[256]) / sum(found.values()))


def test_a_small_pool_gives_each_label_its_share(pool):
    small = CandidatePool(pool.works[:120], pool.pixels[:120], np.arange(120))
    labels = plan.draw(small, 1)
    assert {la.split for la in labels} >= {"train", "tuning", "control", "test", "stranger"}
    assert {la.multiplicity for la in labels} == {0, 1, 4, 16, 64, 256}


def test_a_pool_is_kept_as_it_is(tmp_path):
    from PIL import Image

    from explorer.world.manifest import small
    from explorer.world_build.hands.draw_svg import webp

    copy = webp(Image.new("RGB", (128, 128), "red"))
    work = PoolWork(**{**vars(_work(1, "noto", "c", "Noto")), "copy": copy})
    pool = CandidatePool([work, work], np.stack([small(copy)] * 2), np.array([0, 0]))
    pool.save(tmp_path / "pool.parquet")
    again = load(tmp_path / "pool.parquet")
    assert again.works == pool.works and np.array_equal(again.pixels, pool.pixels)
    assert again.doubles_of(0) == [1] and again.kept.tolist() == [0]
