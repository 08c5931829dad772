"""The finished example cases: of this very world, intact, and their stories say what their figures say."""

from __future__ import annotations

import hashlib
import json

import pytest

from explorer.cases.store import CaseStore
from explorer.cases.verify import CONSISTENT, verify_package
from explorer.errors import ExplorerError
from explorer.world.derive import quoted
from explorer.world.example_cases import FILE_NAME, FOLDER, PLANS, open_told, read
from explorer.world.figures import read_card

STORIES = {t.story: t for t in read()}


def test_every_story_is_there():
    assert set(STORIES) == set(PLANS)


def test_they_quote_the_fingerprint_of_the_bundled_world(world):
    value = json.loads((FOLDER / FILE_NAME).read_text("utf-8"))
    assert {value["world"]} == set(quoted(world).values())


def test_those_of_another_world_are_not_shown():
    assert read(world="0" * 64) == []


@pytest.mark.parametrize("story", PLANS)
def test_a_package_is_intact_and_its_case_read_only(story, tmp_path):
    told = STORIES[story]
    assert hashlib.sha256(told.package().read_bytes()).hexdigest() == told.sha256
    assert verify_package(told.package(), expect=told.head).state == CONSISTENT
    store = CaseStore(tmp_path)
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


def test_a_damaged_list_is_a_sentence(tmp_path):
    (tmp_path / FILE_NAME).write_text('{"world": "x"}')
    with pytest.raises(ExplorerError, match="damaged"):
        read(tmp_path)
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(ExplorerError, match="damaged"):
        read_card(tmp_path)
