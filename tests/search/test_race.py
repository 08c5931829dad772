from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.diffusion.exhibit import exhibit
from explorer.diffusion.sampling import sample
from explorer.records.race_records import lanes
from explorer.search.calibrate import loss_upper
from explorer.search.race import Checkpoint, RacePlan, first_x0, hint_for, plan_of, race, short_batch
from explorer.search.race_plan import LOOKED_AT, PULLED_AT, shared_cost, short_cost
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows
from tests.heard import Heard

PLAN = RacePlan((Checkpoint(2, 0.5), Checkpoint(4, 0.2)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-tiny", tmp_path_factory.mktemp("race"))


def recipes(model, count=12, scheduler="dpmpp_2m"):
    return [tiny.recipe(model, seed=s, steps=8, scheduler=scheduler) for s in range(count)]


@pytest.fixture(scope="module")
def ran(model):
    subject = exhibit(model, recipes(model)[5]).rgb
    run, rounds = Heard(), []
    return race(model, recipes(model), subject, plan=PLAN, batch=4, run=run, on_round=rounds.append), rounds, run


def test_it_ends_with_the_result_after_progress_and_ticks(ran):
    _, rounds, run = ran
    assert [(r.number, r.finish) for r in rounds] == [(0, False), (1, False), (2, True)]
    # 12 lanes in 2 steps, 6 in 4, 3 in all; in batches of at most 4; before that 16 seeds in one step, 8 in 1 and 3
    assert run.ticks == 3 * 2 + 2 * 4 + 1 * 8 + 4 * 1 + 2 * 1 + 2 * 3 and len(run.reports) == 3 + 2 + 1


def test_it_ends_at_a_checkpoint_where_that_is_wanted(model, ran):
    subject, rounds = exhibit(model, recipes(model)[5]).rgb, []

    def enough(reached):
        rounds.append(reached)
        return reached.number == 1
    assert race(model, recipes(model), subject, plan=PLAN, batch=4, on_round=enough) is None
    assert [r.seeds for r in rounds] == [r.seeds for r in ran[1][:2]]


def test_a_race_that_was_interrupted_goes_on_to_the_same_end(model, ran):
    result, (first, *_), _ = ran
    assert (first.number, first.step, first.kept, len(first.seeds), first.finish) == (0, 2, 6, 12, False)
    assert list(first.distances) == sorted(first.distances)
    left = [r for r in recipes(model) if r.seed in first.seeds[:first.kept]]
    subject = exhibit(model, recipes(model)[5]).rgb
    rounds = []
    again = race(model, left, subject, plan=PLAN, batch=4, starters=12, decided=1, on_round=rounds.append)
    assert [i.recipe.seed for i in again.finished] == [i.recipe.seed for i in result.finished]
    assert [r.number for r in rounds] == [1, 2]


def test_every_lane_is_kept_with_its_scores(ran):
    found = lanes(ran[1])
    assert [lane.seed for lane in found] == list(range(12))
    ends = [lane.dropped_at for lane in found]
    assert (ends.count(2), ends.count(4), ends.count(None)) == (6, 3, 3)  # after replays of so many steps
    for lane in found:
        assert len(lane.points) == {2: 1, 4: 2, None: 3}[lane.dropped_at]
    first = {lane.seed: lane.points[0][1] for lane in found}
    kept = max(first[lane.seed] for lane in found if lane.dropped_at != 2)
    assert kept <= min(first[lane.seed] for lane in found if lane.dropped_at == 2)


def test_effort_is_what_was_spent(ran):
    result = ran[0]
    assert result.effort.unet_evaluations == 16 + 12 * 1 + (2 * 2 * 8 + 6 * 3) + 3 * 16
    assert result.effort.tries == 12 and {i.unet_evaluations for i in result.finished} == {2 * 8}


@pytest.mark.parametrize("family", ["sd1-tiny", "sd2-v", "sd3"])
@pytest.mark.parametrize("steps", [3, 6])
def test_a_short_replay_starts_where_seeds_go_on_average_and_is_guided_in_the_middle(tmp_path, family, steps):
    model = (tiny_flows if family == "sd3" else tiny).model(family, tmp_path)
    own = [tiny.recipe(model, seed=s, steps=8, scheduler="heun") for s in range(3)]
    own = [replace(r, scheduler="euler") for r in own] if family == "sd3" else own
    x0 = first_x0(model, own[0])
    assert torch.allclose(x0, first_x0(model, own[2], batch=3), atol=1e-4)  # whatever the seed and the batch
    hint = hint_for(model, own[0], steps, x0)
    assert len(hint.pulls or ()) == (steps - 2 if steps == 3 else 0)
    batch = short_batch(model, own, steps, hint)
    views = []
    while not batch.done:
        views.append(batch.step())
    middle = [0 < v.index < steps - 1 for v in views]
    assert [not torch.equal(v.prediction, v.conditional) for v in views] == middle
    assert [v.unconditional is not None for v in views] == [inside and steps == 6 for inside in middle]
    assert torch.allclose(views[0].x0, x0.expand_as(views[0].x0), atol=1e-3)
    assert batch.unet_evaluations == short_cost(steps, guided=True) == {3: 2, 6: 9}[steps]
    with pytest.raises(ValueError, match="hint"):
        batch.finish()


def test_shared_guidance_is_the_average_over_its_own_seeds(tmp_path):
    model = tiny.model("sd1-tiny", tmp_path)
    recipe = tiny.recipe(model, seed=99, steps=8, scheduler="euler")
    x0 = first_x0(model, recipe)
    shared, parts = (hint_for(model, recipe, 4, x0, batch=size).pulls for size in (PULLED_AT, 5))
    assert len(shared) == 2 and all(torch.allclose(a, b, atol=1e-5) for a, b in zip(shared, parts, strict=True))
    assert hint_for(model, replace(recipe, guidance=1.0), 4, x0).pulls is None


def test_what_lanes_share_is_counted_once():
    assert shared_cost((3, 6), guided=True) == LOOKED_AT + 2 * PULLED_AT and shared_cost((), guided=True) == 0
    assert shared_cost((3, 6), guided=False) == LOOKED_AT


@pytest.mark.parametrize("scheduler", ["dpmpp_2m", "euler_a", "pndm", "heun", "lcm", "k_heun", "k_dpmpp_sde"])
def test_finishers_equal_their_own_uninterrupted_run(model, scheduler):
    wanted = recipes(model, scheduler=scheduler)
    subject = np.full((tiny.SIZE_PX, tiny.SIZE_PX, 3), 120, np.uint8)
    result = race(model, wanted, subject, plan=PLAN, batch=5)
    assert 3 <= len(result.finished) <= 4
    for image in result.finished:
        alone = sample(model, [wanted[image.recipe.seed]])[0]
        assert np.abs(image.latents - alone.latents).max() < 1e-4


def test_without_checkpoints_it_is_the_exhaustive_search(model):
    subject = np.zeros((tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    result = race(model, recipes(model, 4), subject, plan=RacePlan(()), batch=3)
    assert len(result.finished) == 4
    assert result.effort.unet_evaluations == 4 * 2 * 8


def test_limit_of_a_chance_seen_rarely():
    assert loss_upper(0, 60) == pytest.approx(1 - 0.05 ** (1 / 60), abs=1e-6)  # closed form for none
    assert loss_upper(1, 20) == pytest.approx(0.2161, abs=1e-3)  # tables of Clopper and Pearson
    assert loss_upper(3, 3) == 1.0


def test_a_plan_leaves_out_what_is_no_shorter_than_a_whole_replay():
    plan = plan_of((4, 8), (0.5, 0.1), full_steps=8, loss_upper=0.1)
    assert plan == RacePlan((Checkpoint(4, 0.5),), 0.1)
    assert plan_of((4, 8), (0.5, 0.1), full_steps=4).checkpoints == ()
