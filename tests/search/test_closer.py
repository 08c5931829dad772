"""Rounds of small steps around a replay: listed beforehand, never worse, resumed without repeats."""

import hashlib

import numpy as np
import pytest

from explorer.images.decode import read_png
from explorer.jobs.tasks import RunSearch
from explorer.records import Replay, ReplaySettings, StopRules
from explorer.search.closer import closest, offspring, reword, run_closer
from explorer.search.one_search import Given, run_search
from tests.diffusion import tiny


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.model("sd1-kl", tmp_path_factory.mktemp("closer"))


@pytest.fixture(scope="module")
def parent(model):
    recipe = tiny.recipe(model, steps=5, prompt="a red boat, sea, drawing")
    made = []
    run_search(Given(model, None, task(), subject(), lambda *replay: made.append(replay)), [recipe])
    return made[0]


def subject():
    return np.random.default_rng(0).integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)


def task(**more):
    return RunSearch("c", "s", "q", ReplaySettings("", primary_score="l2", mode="closer", parent="p",
                                                   **({"rounds": 2, "options": 8} | more)))


def run(model, parent, *, earlier=(), **more):
    pictures = {parent[0].image_sha256: read_png(parent[1])}
    made = []

    def keep(replay, png):
        assert hashlib.sha256(png).hexdigest() == replay.image_sha256
        pictures[replay.image_sha256] = read_png(png)
        made.append(replay)
    given = Given(model, None, task(**more), subject(), keep, earlier=earlier, batch=8,
                  start_of=lambda r: pictures[r.start_sha256])
    return made, run_closer(given, parent[0], words=("green",))


def test_options_are_listed_and_of_every_kind(parent):
    options = offspring(parent[0], number=0, count=16, words=("green",))
    assert options == offspring(parent[0], number=0, count=16, words=("green",))
    assert len(set(map(repr, options))) == 16
    turned = [o for o in options if o.variation is not None and o.start_sha256 is None]
    repainted = [o for o in options if o.start_sha256 == parent[0].image_sha256]
    worded = [o for o in options if o.prompt != parent[0].recipe.prompt]
    assert len(turned) >= 8 and len(repainted) == 4 and worded
    assert all(o.variation is None and o.strength for o in repainted)
    again = {repr(o) for o in offspring(parent[0], number=1, count=16) if o.prompt == parent[0].recipe.prompt}
    assert again and not set(map(repr, options)) & again  # a word can be dropped only in so many ways


def test_each_round_starts_from_the_closest_so_far(model, parent):
    made, summary = run(model, parent)
    assert len(made) == 16 == summary.planned_tries == summary.effort.tries and summary.state == "done"
    first = closest([parent[0], *made[:8]], "l2")
    starts = {r.recipe.start_sha256 for r in made[8:] if r.recipe.start_sha256}
    assert starts == {first.image_sha256}
    assert closest(made, "l2").id == summary.best_replay_id


def test_a_break_repeats_nothing(model, parent):
    made, summary = run(model, parent)
    rest, again = run(model, parent, earlier=made[:16])
    assert rest == [] and again.best_replay_id == summary.best_replay_id
    assert run(model, parent, stop=StopRules(tries=8))[1].ended_by == "tries"


def test_words_are_dropped_moved_or_taken_from_the_list():
    rng = np.random.default_rng(0)
    found = {reword("a cat, by Ann, red", ("blue",), rng) for _ in range(60)}
    assert {"by Ann, red", "blue, a cat, by Ann, red", "red, a cat, by Ann"} <= found
    assert reword("a cat", (), rng) == "a cat"


def test_the_closest_of_replays(parent):
    far = Replay(**{**vars(parent[0]), "id": "far", "closeness": {"l2": 0.9}})
    near = Replay(**{**vars(parent[0]), "id": "near", "closeness": {"l2": 0.1}})
    assert closest([far, near, near], "l2").id == "near"
