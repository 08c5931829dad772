"""What a benchmark keeps, and prints again."""

from __future__ import annotations

import json

import pytest

from explorer.records.scans import MEASURED
from tests.benchmarks.bench_race import KEYS, NAME, with_nulls
from tests.benchmarks.stored import RESULTS, made_by, store, stored


def test_results_of_parts_stand_together(tmp_path):
    store("x", {"a": 1, "b": 2}, parts=("first",), folder=tmp_path)
    store("x", {"b": 3}, parts=("second",), folder=tmp_path)
    found = json.loads(stored("x", folder=tmp_path))
    assert (found["a"], found["b"], set(found["made"])) == (1, 3, {"first", "second"})
    assert found["made"]["first"] == made_by() and len(found["made"]["first"]["world"]) == 64


def test_nothing_stored_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        stored("x", folder=tmp_path)


def test_parts_of_the_race_that_did_not_run_keep_their_figures(tmp_path):
    store(NAME, with_nulls({"recall": 0.9, "recovered": {"plain": 0.28}}, folder=tmp_path), folder=tmp_path)
    assert json.loads(stored(NAME, folder=tmp_path))["closer_gain"] is None
    store(NAME, with_nulls({"closer_gain": 0.01}, folder=tmp_path), parts=("closer",), folder=tmp_path)
    found = json.loads(stored(NAME, folder=tmp_path))
    assert (found["recall"], found["closer_gain"], found["ray_speed_ratio"]) == (0.9, 0.01, None)
    assert found["recovered"] == {"plain": 0.28} and set(KEYS) < set(found)


def test_what_scans_say_of_themselves_is_what_was_stored():
    if (RESULTS / f"{NAME}.json").is_file():
        found = json.loads(stored(NAME))
        if found["recovered"] is not None:
            assert (round(found["recovered"]["plain"] * found["hidden"]), found["hidden"],
                                found["seed_false_claims"], found["foreign"]) == MEASURED
