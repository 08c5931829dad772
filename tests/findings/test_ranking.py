"""Controls of many kinds ranked fairly: a rank means the same for a simple picture as for a busy one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.findings.closeness_finding import judge
from explorer.findings.expectation import Expectation
from explorer.findings.finding import ControlResults
from explorer.findings.ranking import comparable, excesses, matched
from explorer.records import Effort
from explorer.statistics import rank_p_value
from tests.findings.test_wording import EFFORT, MODEL, _replay

EXPECTED = Expectation(("size",), (0.0,), (1.0,), (0.1,), -1.0, 0.6, 100, log=True)


def works(count: int, *, seed: int) -> tuple[list[dict[str, float]], np.ndarray]:
    """Features and distances whose spread halves from the simplest to the busiest."""
    draw = np.random.default_rng(seed)
    told = [{"size": float(s)} for s in draw.normal(size=count)]
    spread = np.array([0.2 * 2 ** (-t["size"] / 2) for t in told])
    return told, np.exp([EXPECTED.predict(t) for t in told] + spread * draw.normal(size=count))


def bank(count: int, *, seed: int = 0, expectation: Expectation | None = EXPECTED) -> ControlResults:
    told, values = works(count, seed=seed)
    return ControlResults("c", "works", MODEL.fingerprint, "tiled_l2", Effort(16, 640, 9.0),
                          tuple(f"w{i}" for i in range(count)), tuple(map(float, values)), tuple(told), expectation)


def wrong_by_fifth(controls: ControlResults, *, evenly: bool) -> list[float]:
    told, values = works(2000, seed=9)
    plain = [EXPECTED.excess(v, f, better="lower") for v, f in zip(controls.values, controls.features, strict=True)]
    p = []
    for value, one in zip(values, told, strict=True):
        mine, theirs = excesses(float(value), one, controls)
        p.append(rank_p_value(mine, theirs if evenly else plain))
    order = np.argsort([t["size"] for t in told])
    return [float((np.array(p)[part] <= 0.05).mean()) for part in np.array_split(order, 5)]


def test_the_simplest_fifth_is_flagged_no_oftener_than_the_others():
    controls = bank(400)
    uneven, even = (wrong_by_fifth(controls, evenly=e) for e in (False, True))
    assert uneven[0] > 0.1 and uneven[4] < 0.02
    assert max(even) < 0.085 and max(even) - min(even) < (max(uneven) - min(uneven)) / 2
    assert abs(np.mean(even) - 0.05) < 0.025  # one bank's own rate


def test_a_works_own_result_does_not_make_its_own_scale():
    controls = bank(400)
    one = {"size": 0.0}
    assert excesses(0.2, one, controls)[1] == excesses(0.5, one, controls)[1]
    far = dataclasses.replace(controls, values=(1e-3, *controls.values[1:]))
    before, after = excesses(0.3, one, controls)[1], excesses(0.3, one, far)[1]
    assert after[0] > before[0] + 3 and np.median(np.abs(np.subtract(before[1:], after[1:]))) < 0.05


def test_fewer_than_a_hundred_controls_are_ranked_only_among_those_as_complex():
    few = bank(60, expectation=None)
    assert not comparable({"size": 3.0}, few) and not comparable(None, few)
    near = matched({"size": 0.0}, few)
    assert comparable({"size": 0.0}, few) and 19 <= len(near) < 40
    assert excesses(0.3, {"size": 0.0}, few) == (-0.3, [-few.values[i] for i in near])


@pytest.mark.parametrize(("size", "kind"), [(0.0, "stands_out"), (1.9, "controls_not_matched")])
def test_nothing_taken_off_and_nothing_matched_gives_no_p(size, kind):
    few = bank(60, expectation=None)
    few = dataclasses.replace(few, features=tuple({**f, "words": 1.0} for f in few.features))
    found = judge("s1", _replay(0.01), EFFORT, score="tiled_l2", controls=few, features=None)
    assert found.kind == "controls_not_matched" and "p" not in found.numbers
    plain = dataclasses.replace(few, features=tuple({"size": f["size"]} for f in few.features))
    mine, theirs = excesses(0.01, {"size": size}, plain)
    assert (len(theirs) >= 19) == (kind == "stands_out") and mine == -0.01
