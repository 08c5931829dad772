"""The world's stored controls and error rates: of this world, of control works only, as in the README."""

from __future__ import annotations

import json
from math import log2
from pathlib import Path

import numpy as np
import pytest

from explorer.findings.controls import WORLD_FILE, world_controls, world_policies
from explorer.findings.features import PREDICTORS
from explorer.findings.ranking import excesses
from explorer.findings.rates import FILE, stored_groups, stored_rate
from explorer.findings.readme_table import table
from explorer.records.policy import Policy
from explorer.world.files import fingerprint, open_world
from explorer.world.manifest import read_manifest

POLICIES = tuple(Policy(prompt_from=name) for name in ("caption", "interrogation"))


@pytest.fixture(scope="module")
def stored(world) -> dict:
    return json.loads((world / FILE).read_text("utf-8"))


def test_they_quote_this_world(world, stored):
    assert stored["fingerprint"] == fingerprint(world)
    assert json.loads((world / WORLD_FILE).read_text("utf-8"))["world"] == fingerprint(world)


@pytest.mark.parametrize("policy", POLICIES)
def test_controls_are_control_works_each_once(world, stored, policy):
    found = world_controls(world, policy, model_fingerprint=stored["model_fingerprint"])
    split = {row["id"]: row["split"] for row in read_manifest(open_world())}
    assert len(found.names) == len(set(found.names)) == len(found.values) == world_policies(world)[policy.id] >= 200
    assert {split[name] for name in found.names} == {"control"}
    assert found.expectation.names == PREDICTORS and found.expectation.works >= 20 and found.expectation.log
    assert all(0 < value < 1 for value in found.values)
    assert len(found.bits) == len(found.values) and min(found.bits) > log2(policy.seeds)
    _, theirs = excesses(found.values[0], found.features[0], found)
    assert abs(float(np.mean(theirs))) < 0.1  # fitted on other works, right on these
    assert world_controls(world, policy, model_fingerprint="0" * 64) is None


@pytest.mark.parametrize("policy", POLICIES)
def test_error_rates_are_those_of_the_benchmark_and_the_worse_is_quoted(world, stored, policy):
    for level in (0.01, 0.05):
        both = stored_groups(world, policy, level=level)
        assert len(both) == 2 and all(0 <= r.low <= r.share <= r.high <= 1 for r in both)
        quoted = stored_rate(world, policy, model_fingerprint=stored["model_fingerprint"], level=level)
        assert quoted.share == max(r.share for r in both)


def test_the_readme_has_the_stored_figures(stored):
    readme = (Path(__file__).resolve().parents[2] / "assets" / "world" / "README.md").read_text("utf-8")
    assert table(stored) in readme
    assert stored["date"] in readme
