"""Several draws together: spread of shares, and works that trade places."""

from __future__ import annotations

import json

import pytest

from explorer.errors import ExplorerError
from explorer.world_build.hands import draws_together


def _found(shares: dict[str, tuple[str, float]]) -> dict:
    """{work: (group, 1 if it came back)} as the check writes it."""
    return {work: {"group": group, "near_copy_seed": 3 if back else None, "to_work": 0.1}
            for work, (group, back) in shares.items()}


ONE = _found({"a": ("256", 1), "b": ("256", 1), "c": ("0", 0), "d": ("0", 0), "e": ("doubles", 1)})
TWO = _found({"a": ("0", 0), "b": ("0", 1), "c": ("256", 1), "d": ("256", 0)})


def test_spread_is_of_what_every_draw_measured():
    found = draws_together.spread([ONE, TWO])
    assert set(found) == {"0", "256"}
    assert found["256"]["shares"] == [1.0, 0.5] and found["256"]["range"] == 0.5
    assert found["256"]["deviation"] == pytest.approx(0.3536, abs=1e-3)


def test_crossover_counts_each_work_as_member_and_held_out():
    members = [{"a": 256, "b": 256, "c": 0, "d": 0}, {"a": 0, "b": 0, "c": 256, "d": 256}]
    found = draws_together.crossover(members, [ONE, TWO])
    assert set(found) == {"256"} and found["256"]["works"] == 4
    assert found["256"]["as_member"]["share"] == 0.75 and found["256"]["held_out"]["share"] == 0.25
    assert found["256"]["held_out"]["low"] < 0.25 < found["256"]["held_out"]["high"]


def test_a_work_that_only_one_draw_asked_about_is_not_counted():
    assert draws_together.crossover([{"a": 64}, {"a": 0}], [_found({"a": ("64", 1)}), {}]) == {}


def test_what_was_found_is_read_and_its_absence_is_named(tmp_path):
    (tmp_path / "tried-unet.json").write_text(json.dumps({"key": {}, "found": ONE}))
    assert draws_together.found_in(tmp_path, "unet") == ONE
    with pytest.raises(ExplorerError, match="missing"):
        draws_together.found_in(tmp_path, "flow")
