import numpy as np
import pytest

from explorer.familiarity.body_of_work import judge_set, kinship, power


def world(rng, *, artists=120, most=6, shared=0.3):
    """Unseen works: an artist's own part and a remainder, of variance 1 together."""
    names, values = [], []
    for artist in range(artists):
        own = rng.normal(0, shared ** 0.5)
        for _ in range(int(rng.integers(1, most + 1))):
            names.append(f"a{artist}")
            values.append(own + rng.normal(0, (1 - shared) ** 0.5))
    return np.array(values), names


def test_the_artists_share_is_found_and_a_set_of_strangers_is_flagged_at_its_level():
    rng = np.random.default_rng(1)
    kin = [kinship(*world(rng)) for _ in range(40)]
    assert abs(np.mean([k.shared for k in kin]) - 0.3) < 0.06
    flagged = []
    for k in kin:
        for _ in range(20):  # twenty works of one unseen artist
            set_ = rng.normal(0, 0.3 ** 0.5) + rng.normal(0, 0.7 ** 0.5, 20)
            flagged.append(judge_set(set_, ["x"] * 20, k).p <= 0.05)
    assert 0.02 < np.mean(flagged) < 0.09


def test_one_artists_works_weigh_less_than_as_many_artists():
    values, names = world(np.random.default_rng(2))
    kin = kinship(values, names)
    mine = [0.6] * 20
    alone, many = judge_set(mine, ["x"] * 20, kin), judge_set(mine, [f"x{i}" for i in range(20)], kin)
    assert many.p < 0.02 < alone.p and many.artists == 20 and alone.artists == 1


def test_no_p_lies_below_what_so_many_artists_can_tell():
    values, names = world(np.random.default_rng(3), artists=30)
    found = judge_set([50.0] * 30, [f"x{i}" for i in range(30)], kinship(values, names))
    assert found.p == found.smallest == 1 / 31
    with pytest.raises(ValueError, match="artists"):
        kinship([1.0, 2.0], ["a", "b"])


def test_power_rises_with_the_works_and_is_the_level_for_unseen_ones():
    values, names = world(np.random.default_rng(4), shared=0.0)
    kin = kinship(values, names)
    seen = np.random.default_rng(5).normal(1.0, 1.0, 400)
    curve = [power(kin, seen, works, level=0.05) for works in (1, 5, 20)]
    assert curve[0] < curve[1] < curve[2] and curve[2] > 0.95
    assert 0.01 < power(kin, values, 10, level=0.05) < 0.12
    assert power(kin, seen, 20, level=0.05, one_artist=True) <= curve[2]
