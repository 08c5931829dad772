"""The finished example cases: of this very world, intact, and their stories say what their figures say."""

from __future__ import annotations

import hashlib
import json

import pytest

from explorer.cases.store import CaseStore
from explorer.cases.verify import CONSISTENT, verify_package
from explorer.errors import ExplorerError
from explorer.findings.finding import AlignedReplay
from explorer.records import SearchPlan
from explorer.records.scans import SeedScan
from explorer.world.example_cases import FILE_NAME, FOLDER, open_told, read
from explorer.world.figures import read_card
from explorer.world_build.derive import quoted
from explorer.world_build.example_plans import EFFORT, PLANS

STORIES = {t.story: t for t in read()}


def test_every_story_is_there_with_its_picture():
    assert list(STORIES) == list(PLANS) and 8 <= len(STORIES) <= 12
    assert all(len(told.picture()) > 300 for told in STORIES.values())


def test_together_they_are_small():
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) < 20_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return CaseStore(tmp_path_factory.mktemp("examples"))


@pytest.fixture
def opened(store):
    """A story's case and its subject."""
    def one(story):
        case = open_told(store, STORIES[story])
        return case, case.subjects()[0]
    return one


def test_they_quote_the_fingerprint_of_the_bundled_world(world):
    value = json.loads((FOLDER / FILE_NAME).read_text("utf-8"))
    assert {value["world"]} == set(quoted(world).values())


def test_those_of_another_world_are_not_shown():
    assert read(world="0" * 64) == []


@pytest.mark.parametrize("story", PLANS)
def test_a_package_is_intact_and_its_case_read_only(story, store):
    told = STORIES[story]
    assert hashlib.sha256(told.package().read_bytes()).hexdigest() == told.sha256
    assert verify_package(told.package(), expect=told.head).state == CONSISTENT
    case = open_told(store, told)
    assert case.read_only and case.count_replays() == told.replays
    assert open_told(store, told).id == case.id  # taken in once
    assert case.replay(told.noise_replay).closeness["tiled_l2"] == pytest.approx(told.noise)
    assert all(not n.image_path.startswith("/") for n in case.neighbours(case.subjects()[0].id))


def test_the_stories_say_what_the_figures_say(world):
    card = read_card(world)
    assert STORIES["comes_back"].multiplicity == card.doses[-1].copies
    assert STORIES["comes_back"].noise < card.near_copy
    assert STORIES["same_artist"].creator == STORIES["comes_back"].creator
    assert STORIES["same_artist"].multiplicity == 0 and STORIES["same_artist"].noise > card.near_copy
    shown = STORIES["shown_the_answer"]
    assert shown.multiplicity == 0 and shown.given < card.near_copy < shown.noise and shown.strength < 0.5
    yet = STORIES["never_in_training"]
    assert yet.multiplicity == 0 and yet.noise < card.near_copy


def test_a_double_left_its_mark_on_the_look_alike(opened):
    told = STORIES["look_alike"]
    case, subject = opened("look_alike")
    double = next(n for n in case.neighbours(subject.id) if n.work_id == told.figures["double_id"])
    assert told.multiplicity == 0 and double.multiplicity == told.figures["double_copies"] >= 16
    assert told.figures["to_double"] < told.noise < told.figures["apart"]


def test_altered_copies_leave_a_scheme(opened, world):
    told = STORIES["template"]
    case, subject = opened("template")
    laid = case.records(AlignedReplay, subject_id=subject.id)[0]
    assert laid.replay_id == told.noise_replay or case.replay(laid.replay_id).closeness["tiled_l2"] == told.noise
    assert laid.closeness["tiled_l2"] == told.figures["aligned"] < told.noise
    assert read_card(world).near_copy < told.noise


def test_some_seeds_bring_a_work_back_and_most_do_not(opened, world):
    told, limit = STORIES["now_and_then"], read_card(world).near_copy
    case, subject = opened("now_and_then")
    found = {r.recipe.seed: r.closeness["tiled_l2"] for r in case.replays(subject.id, limit=-1)
             if r.recipe.strength is None}
    assert sum(v < limit for v in found.values()) == told.figures["below"] and told.multiplicity == 16
    assert 0 < told.figures["below"] < told.figures["seeds"] / 2


def test_a_work_seen_once_is_met_no_better_than_one_never_seen(world):
    told = STORIES["seen_once"]
    assert told.multiplicity == 1 and told.noise > read_card(world).doses[0].distance
    assert STORIES["other_words"].noise < read_card(world).near_copy


def test_many_seeds_come_closer_than_few(opened):
    told = STORIES["best_of_many"]
    case, subject = opened("best_of_many")
    closest = min(r.closeness["tiled_l2"] for r in case.replays(subject.id, limit=-1)
                  if r.recipe.seed < told.figures["few"])
    assert closest == told.figures["first"] > told.noise and told.multiplicity == 0
    assert told.figures["many_bits"] - told.figures["few_bits"] == pytest.approx(6.644, abs=0.001)  # log2(100)


def test_the_scan_names_the_seed_that_the_picture_was_made_from(opened):
    told = STORIES["seed_found"]
    case, subject = opened("seed_found")
    scan = case.records(SeedScan, subject_id=subject.id)[0]
    assert subject.recipe is None and scan.done and not told.work_id
    assert {m.seed for m in scan.claims} == {told.figures["made_seed"]} == {told.figures["named_seed"]}
    assert scan.claims[0].chance == told.figures["chance"] < 1e-6 and told.noise == 0.0 < told.figures["others"]


def test_each_search_was_run_at_the_stated_effort(opened):
    for story, plan in PLANS.items():
        if plan.work:
            case, subject = opened(story)
            stated = {k: list(v) for k, v in EFFORT.items()}
            searches = [p.settings for p in case.records(SearchPlan, subject_id=subject.id)]
            assert any(stated.items() <= s.items() and s["seeds"] == plan.replays["seeds"]
                       for s in searches), story
            case.close()


def test_a_damaged_list_is_a_sentence(tmp_path):
    (tmp_path / FILE_NAME).write_text('{"world": "x"}')
    with pytest.raises(ExplorerError, match="damaged"):
        read(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ExplorerError, match="damaged"):
        read_card(tmp_path)
