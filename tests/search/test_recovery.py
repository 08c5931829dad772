import numpy as np
import pytest
import torch

from explorer.diffusion.noise import SOURCES, starting_noise
from explorer.errors import ExplorerError
from explorer.records.scans import CLAIM_BELOW, REPEATS_AT
from explorer.search.seed_recovery import Scan, chance_of_cosine, noise_block, scan

SHAPE = (4, 8, 8)


def marked(seed, share, source="torch-cpu"):
    """Latents that hold a share of a seed's noise, the rest being something else."""
    other = torch.randn(SHAPE, generator=torch.Generator().manual_seed(10 ** 9)).numpy()
    noise = starting_noise(seed, SHAPE, source).numpy()
    return share * noise + (1 - share ** 2) ** 0.5 * other


@pytest.mark.parametrize("source", SOURCES)
def test_the_seed_is_found_and_claimed(source):
    *_, last = scan({"plain": marked(4321, 0.6, source)}, first=0, stop=5000, sources=(source,))
    assert last.done and last.tried == 5000
    best = last.best[0]
    assert (best.seed, best.source) == (4321, source) and best.correlation > 0.5
    assert [m.seed for m in last.claims()] == [4321]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_claimed_for_an_image_of_another_origin(seed):
    foreign = np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)
    *_, last = scan({"plain": foreign}, first=0, stop=3000)
    assert last.claims() == () and last.chance(last.best[0]) > CLAIM_BELOW


def test_more_tries_make_a_claim_harder():
    match = next(scan({"plain": marked(3, 0.6)}, first=0, stop=10)).best[0]
    few, many = Scan(0, 10, 10, 10, (match,)), Scan(0, 10, 10, 10 ** 30, (match,))
    assert few.claims() and not many.claims()
    *_, last = scan({"plain": marked(3, 0.6), "flipped": -marked(3, 0.6)}, first=0, stop=10,
                    sources=("torch-cpu", "cuda-philox"))
    assert last.tried == 10 * 2 * 2 and last.best[0].encoding == "plain"


def test_earlier_scans_of_the_picture_make_a_claim_harder():
    latents = {"plain": marked(3, 0.6)}
    *_, alone = scan(latents, first=0, stop=10)
    *_, again = scan(latents, first=0, stop=10, before=10 ** 30)
    assert alone.claims() and again.best == alone.best and not again.claims()


def test_latents_that_are_the_same_everywhere_are_refused():
    blank = np.full(SHAPE, 0.3, np.float32) + np.arange(4, dtype=np.float32)[:, None, None]
    with pytest.raises(ExplorerError, match="same everywhere"):
        next(scan({"plain": blank}, first=0, stop=10))


def test_a_scan_goes_on_where_it_stopped():
    latents = {"plain": marked(2500, 0.5)}
    whole = list(scan(latents, first=0, stop=6000))
    assert len(whole) == 3
    resumed = list(scan(latents, first=0, stop=6000, resume=whole[0]))
    assert resumed[-1] == whole[-1] and len(resumed) == 2


@pytest.mark.parametrize("source", SOURCES)
def test_block_noise_is_starting_noise(source):
    seeds = np.array([0, 7, 2 ** 33 + 5], np.uint64)
    block = noise_block(seeds, SHAPE, source)
    for row, seed in zip(block, seeds.tolist(), strict=True):
        assert np.array_equal(row.reshape(SHAPE), starting_noise(seed, SHAPE, source).numpy())


def test_the_chance_is_exact():
    """In three dimensions a random cosine is uniform on [-1, 1]; in two it is the cosine of a uniform angle."""
    for r in (-0.9, -0.2, 0.0, 0.5, 0.99):
        assert chance_of_cosine(r, 3) == pytest.approx((1 - r) / 2)
        assert chance_of_cosine(r, 2) == pytest.approx(np.arccos(r) / np.pi)
    noise = noise_block(np.arange(20000, dtype=np.uint64), (1, 4, 4), "torch-cpu")
    cosines = noise[:, 0] / np.linalg.norm(noise, axis=1)
    seen = (cosines > 0.4).mean()
    assert seen == pytest.approx(chance_of_cosine(0.4, 16), rel=0.1)


def test_the_chance_is_kept_where_no_seed_is_to_be_found():
    """Of many images without any of the seeds, a share q has a chance of at most q: neither more nor far fewer."""
    foreign = np.random.default_rng(5).standard_normal((256, 1500)).astype(np.float32)
    noise = noise_block(np.arange(400, dtype=np.uint64), SHAPE, "torch-cpu")
    cosines = noise @ foreign / np.linalg.norm(noise, axis=1)[:, None] / np.linalg.norm(foreign, axis=0)
    chances = np.array([chance_of_cosine(float(c), 256) * 400 for c in cosines.max(0)])
    for q in (0.01, 0.05, 0.2):
        assert (chances < q).mean() == pytest.approx(q, abs=4 * (q / 1500) ** 0.5)


def test_torchs_seeds_repeat():
    one, same = noise_block(np.array([5, 5 + REPEATS_AT], np.uint64), SHAPE, "torch-cpu")
    assert np.array_equal(one, same)
    one, other = noise_block(np.array([5, 5 + REPEATS_AT], np.uint64), SHAPE, "cuda-philox")
    assert not np.array_equal(one, other)
