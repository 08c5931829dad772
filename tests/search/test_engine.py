"""Units done here: in halves when memory runs out, heats from where they stood, and ended where that is wanted."""

import numpy as np
import pytest
import torch

from explorer.diffusion.exhibit import exhibit
from explorer.errors import ExplorerError
from explorer.run import QUIET
from explorer.search.engine import BatchRoom, BatchUnit, HeatUnit, LocalEngine
from explorer.search.race import Checkpoint, RacePlan
from explorer.search.race_plan import LOOKED_AT
from tests.diffusion import tiny
from tests.heard import Heard

PLAN = RacePlan((Checkpoint(2, 0.5), Checkpoint(4, 0.2)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-tiny", tmp_path_factory.mktemp("engine"))


def recipes(model, count=12):
    return tuple(tiny.recipe(model, seed=s, steps=8) for s in range(count))


def heat(model):
    return HeatUnit("heat", recipes(model), exhibit(model, recipes(model)[5]).rgb, PLAN, 8, 12)


def done(model, units, room, run=QUIET, answer=lambda unit, made: None):
    parts = []

    def keep(unit, made):
        parts.append((unit, made))
        return answer(unit, made)
    LocalEngine(model, room).run(units, keep, run=run)
    return parts


@pytest.fixture
def small(model, monkeypatch):
    """Two images at once and no more, once `small` is switched on (a guided image takes two rows)."""
    own, state = model.pipe.unet.forward, {"on": True, "rows": []}

    def forward(sample, *args, **kwargs):
        state["rows"].append(sample.shape[0])
        if state["on"] and sample.shape[0] > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(sample, *args, **kwargs)
    monkeypatch.setattr(model.pipe.unet, "forward", forward)
    return state


def test_a_batch_is_made_in_halves_and_later_ones_begin_so(model, small):
    room = BatchRoom(8)
    parts = done(model, [BatchUnit(recipes(model, 6)), BatchUnit(recipes(model, 12)[6:])], room)
    made = [image.recipe.seed for _, part in parts for image in part.images]
    assert made == list(range(12)) and all(part.share_s > 0 for _, part in parts)
    # Six, then three, with two rows each; nothing after that tries as many again.
    assert room.size == 1 and [n for n in small["rows"] if n > 4] == [12, 6]


def test_a_heat_goes_on_from_its_last_checkpoint(model, small):
    """Memory runs out once the first checkpoint lies behind; the lanes dropped there are not run again."""
    small["on"] = False
    whole = done(model, [heat(model)], BatchRoom(8))
    spent, small["rows"] = sum(small["rows"]), []

    def fills(unit, made):
        small["on"] = made.round.number == 0
    again = done(model, [heat(model)], BatchRoom(8), answer=fills)
    assert [part.round.number for _, part in again] == [part.round.number for _, part in whole] == [0, 1, 2]
    assert [i.recipe.seed for i in again[-1][1].images] == [i.recipe.seed for i in whole[-1][1].images]
    # Lost is what few seeds tell of all: neither eight guided ones nor four fitted; the first step came anew.
    assert sum(small["rows"]) - spent == 2 * 8 + (LOOKED_AT + 2 * 4) + LOOKED_AT


def test_a_heat_ends_where_that_is_wanted_and_the_next_begins(model):
    units = [heat(model), BatchUnit(recipes(model, 1))]
    parts = done(model, units, BatchRoom(8), answer=lambda unit, made: made.round is not None)
    assert [(unit, part.round and part.round.number) for unit, part in parts] == [(units[0], 0), (units[1], None)]


def test_every_step_ticks(model):
    run = Heard()
    done(model, [BatchUnit(recipes(model, 5))], BatchRoom(2), run)
    assert run.ticks == 3 * 8


def test_one_image_that_does_not_fit_is_told_in_a_sentence(model, monkeypatch):
    def never(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    monkeypatch.setattr(model.pipe.unet, "forward", never)
    subject = np.zeros((tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
    for unit in (BatchUnit(recipes(model, 2)), HeatUnit("heat", recipes(model), subject, PLAN, 8, 12)):
        with pytest.raises(ExplorerError, match="smaller size"):
            done(model, [unit], BatchRoom(8))


def test_what_is_no_want_of_memory_is_not_tried_again(model, monkeypatch):
    calls = []

    def broken(*args, **kwargs):
        calls.append(1)
        raise RuntimeError("a bug")
    monkeypatch.setattr(model.pipe.unet, "forward", broken)
    with pytest.raises(RuntimeError, match="a bug"):
        done(model, [BatchUnit(recipes(model, 4))], BatchRoom(4))
    assert len(calls) == 1
