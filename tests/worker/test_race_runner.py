"""Races through the worker, on a tiny model with random weights."""

from __future__ import annotations

import pytest

from explorer.findings.series import case_effort
from explorer.records import StopRules
from explorer.records.race_records import RaceRound, RaceSetup, lanes
from tests.worker.test_runners import sources, work  # noqa: F401

RACE = {"mode": "race", "seeds": 12, "steps": (8,)}


def rounds(work) -> list[RaceRound]:  # noqa: F811
    return work.case.records(RaceRound, subject_id=work.subject.id)


def test_a_race_keeps_every_lane_and_finishes_a_few(work):  # noqa: F811
    summary = work.run(work.search(**RACE, strengths=(0.6,)))
    replays = work.case.replays(work.subject.id, search_id="q", limit=-1)
    noise = [r for r in replays if r.recipe.strength is None]
    seen = rounds(work)
    assert [(len(r.seeds), r.kept, r.step) for r in seen] == [(12, 5, 5), (5, 5, 8)]
    assert {r.recipe.seed for r in noise} == set(seen[-1].seeds) and len(replays) == 6
    found = {lane.seed: lane for lane in lanes(seen)}
    assert set(found) == set(range(12))
    ends = [lane.dropped_at for lane in found.values()]
    assert (ends.count(5), ends.count(None)) == (7, 5)
    assert summary["state"] == "done" and summary["starters"] == 12 and summary["loss_upper"] is None
    given = next(r for r in replays if r.recipe.strength is not None)
    assert summary["effort"]["tries"] == 13
    assert summary["effort"]["unet_evaluations"] == 16 + 12 * 7 + 5 * 16 + given.unet_evaluations
    counted = case_effort(work.case, work.subject)  # replays and dropped lanes together
    assert (counted.tries, counted.unet_evaluations) == (13, summary["effort"]["unet_evaluations"])
    length = work.case.head()
    assert work.run(work.search(**RACE, strengths=(0.6,))) == summary
    assert work.case.head() == length  # nothing new: nothing written


def test_a_race_that_was_stopped_goes_on_to_the_same_end(work):  # noqa: F811
    task = work.search(**RACE)
    work.end(task, lambda: rounds(work))
    summary, = work.case.searches(work.subject.id)
    assert (summary.state, summary.starters, summary.effort.tries) == ("cancelled", 12, 12)
    first = rounds(work)[0]
    again = work.run(task)
    assert rounds(work)[0] == first and rounds(work)[1].seeds[0] in first.seeds[:first.kept]
    assert again["starters"] == again["effort"]["tries"] == 12 and again["state"] == "done"
    assert next(e for e in again["ledger"] if e["source"] == "seeds")["bits"] == pytest.approx(3.585, abs=.001)
    more = work.run(work.search(**RACE | {"seeds": 20}))  # the same search, extended
    assert more["starters"] == 20 and [len(r.seeds) for r in rounds(work) if r.number == 0] == [12, 8]
    assert len(work.case.records(RaceSetup)) == 1


def test_stop_rules_end_a_search(work):  # noqa: F811
    ended = work.run(work.search(seeds=40, stop=StopRules(tries=16)))
    assert (ended["state"], ended["ended_by"]) == ("stopped", "tries")
    assert 16 <= ended["effort"]["tries"] < 40
    on = work.run(work.search(seeds=40))
    assert (on["state"], on["ended_by"], on["effort"]["tries"]) == ("done", "", 40)


def test_the_time_ends_a_race_at_a_checkpoint(work):  # noqa: F811
    longer = RACE | {"steps": (12,)}
    ended = work.run(work.search(**longer, stop=StopRules(seconds=1e-6)))
    assert (ended["state"], ended["ended_by"]) == ("stopped", "time")
    assert [(r.number, len(r.seeds)) for r in rounds(work)] == [(0, 12)]
    on = work.run(work.search(**longer))
    assert (on["state"], [len(r.seeds) for r in rounds(work)]) == ("done", [12, 5, 2])
