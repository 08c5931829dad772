"""What a benchmark keeps, and prints again."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.stored import made_by, store, stored


def test_results_of_parts_stand_together(tmp_path):
    store("x", {"a": 1, "b": 2}, parts=("first",), folder=tmp_path)
    store("x", {"b": 3}, parts=("second",), folder=tmp_path)
    found = json.loads(stored("x", folder=tmp_path))
    assert (found["a"], found["b"], set(found["made"])) == (1, 3, {"first", "second"})
    assert found["made"]["first"] == made_by() and len(found["made"]["first"]["world"]) == 64


def test_nothing_stored_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        stored("x", folder=tmp_path)
