"""Which heats a race is made of, also where it was begun by an earlier version."""

from dataclasses import replace

import pytest

from explorer.records import recipe_digest
from explorer.records.race_records import RaceRound, former_name
from explorer.search.race_run import planned_heats
from tests.cases.made import make_recipe

LANES = [make_recipe(seed=seed) for seed in range(8)]


def test_heats_hold_at_most_so_many_lanes_of_one_setting():
    other = [replace(r, guidance=3.0) for r in LANES[:2]]
    found = planned_heats([*LANES, *other], (), size=5)
    assert [len(h.recipes) for h in found] == [5, 3, 2]
    assert len({h.name for h in found}) == 3


@pytest.mark.parametrize("name", [lambda r: recipe_digest(r)[:12], former_name])
def test_a_race_goes_on_where_it_stood_by_either_name_of_its_heats(name):
    group = name(replace(LANES[0], seed=0))
    rounds = [RaceRound(heat=f"{group}/0", number=0, seeds=(3, 1, 0, 2), distances=(0.1, 0.2, 0.3, 0.4), kept=2)]
    begun, fresh = planned_heats(LANES, rounds, size=4)
    assert (begun.name, begun.decided, begun.starters) == (f"{group}/0", 1, 4)
    assert [r.seed for r in begun.recipes] == [3, 1]
    assert [r.seed for r in fresh.recipes] == [4, 5, 6, 7] and fresh.name.endswith("/1")
