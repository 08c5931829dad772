"""Plans from traces: the cheapest safe checkpoints, and losses measured on works that were left out."""

import numpy as np
import pytest

from explorer.search.calibrate import GOAL, calibrated, finalists, kept_best, loss_upper
from explorer.search.race import Checkpoint, RacePlan, race
from explorer.search.race_plan import LOOKED_AT, shared_cost
from explorer.search.traces import Lot, Trace, blocks, trace
from tests.diffusion import tiny
from tests.heard import Heard


def made(ranks, *, starters=20, stratum="1", name="a"):
    """A trace whose best seed (the first) stands at the given rank in replays of 1, 2, … steps; 1 in the last."""
    rows = []
    for rank in ranks:
        order = np.arange(starters, dtype=np.float32)
        order[0] = rank - 0.5
        rows.append(order)
    steps = tuple(range(1, len(ranks) + 1))
    return Trace(name, stratum, "tiled_l2", steps, tuple(2 * s for s in steps), np.stack(rows))


def test_a_plan_keeps_the_best_or_loses_it():
    found = made((7, 3, 1, 1))
    safe, risky = (RacePlan((Checkpoint(1, keep), Checkpoint(2, 0.15))) for keep in (0.35, 0.3))
    assert kept_best(found, safe) and not kept_best(found, risky)
    going, taken = finalists(found, safe)
    assert len(going) == 3 and 0 in going and taken == shared_cost((1, 2), guided=True) + 2 * (20 + 7 * 2 + 3 * 4)


def test_the_cheapest_safe_plan_is_chosen_and_judged_on_left_out_works():
    traces = [made((4, 2, 1, 1), name=f"m{i}", stratum="256") for i in range(10)]
    found = calibrated(traces, starters=20)
    assert [(c.steps, c.keep) for c in found.plan.checkpoints] == [(1, 0.2)]
    assert found.lost == {"256": 0}
    assert found.evaluations_share == pytest.approx((LOOKED_AT / 2 + 20 + 4 * 4) / 80)
    odd = [*traces, made((15, 2, 1, 1), name="odd", stratum="1"), made((3, 2, 1, 1), name="x", stratum="1")]
    found = calibrated(odd, starters=20)
    assert found.lost == {"256": 0, "1": 1}  # left out, its rank was not foreseen
    assert found.plan.loss_upper == loss_upper(1, 12) and all(kept_best(t, found.plan) for t in odd)
    loose = calibrated(odd, starters=20, allowed=0.1)
    assert loose.evaluations_share < found.evaluations_share and not kept_best(odd[10], loose.plan)


def test_what_is_left_of_the_goal_goes_to_more_lanes():
    found = calibrated([made((12, 1, 1, 1, 1, 1, 1, 1, 1, 1), starters=250, name=f"m{i}") for i in range(5)],
                       starters=250)
    first = found.plan.checkpoints[0]
    assert found.evaluations_share <= GOAL < found.evaluations_share + 0.02
    assert first.steps == 1 and first.keep * 250 > 12  # twelve would do


def test_where_short_replays_say_nothing_every_lane_is_replayed_whole():
    found = calibrated([made((20, 20, 1), name=f"m{i}") for i in range(3)], starters=20)
    assert found.plan.checkpoints == () and found.evaluations_share == 1.0


def test_a_longer_trace_gives_several_races():
    parts = blocks(made((4, 2, 1, 1), starters=50), 20)
    assert [p.closeness.size for p in parts] == [20, 20]
    with pytest.raises(ValueError, match="60 seeds"):
        calibrated([made((1, 1), starters=50)], starters=60)


def test_a_trace_foresees_the_race(tmp_path):
    model = tiny.model("sd1-tiny", tmp_path)
    recipes = [tiny.recipe(model, seed=s, steps=8, scheduler="euler") for s in range(10)]
    subject = np.random.default_rng(1).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    lots = [Lot("s", "0", recipes, subject), Lot("t", "1", recipes[:5], 255 - subject)]
    run = Heard()
    found, other = trace(model, lots, steps=(2, 4, 8), batch=5, run=run)
    assert run.ticks == 3 * (2 + 4 + 8)
    assert other.subject == "t" and other.steps == (2, 4, 8) and other.distances.shape == (3, 5)
    alone, = trace(model, lots[1:], steps=(2, 4), batch=5)
    assert np.array_equal(other.distances, alone.distances)
    assert np.allclose(other.distances[-1], other.closeness) and other.costs == alone.costs == (1, 3, 16)
    assert found.distances.shape == (3, 10)
    plan = RacePlan((Checkpoint(2, 0.6), Checkpoint(4, 0.3)))
    result = race(model, recipes, subject, plan=plan, batch=5)
    going, taken = finalists(found, plan)
    assert {i.recipe.seed for i in result.finished} == set(going.tolist())
    assert result.effort.unet_evaluations == taken
