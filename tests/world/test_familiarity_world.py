"""Familiarity of the world's works: lines go on after a stop, and features count only where they predict."""

import numpy as np
import pytest

from explorer.findings.features import FEATURES
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest
from explorer.world_build import familiarity_scores as scores
from explorer.world_build.familiarity_world import WorksByRole, expectation
from tests.benchmarks.familiarity_groups import HARD, chosen, hard


def test_lines_go_on_after_a_stop_and_a_changed_caption_is_measured_again(tmp_path):
    works = [scores.NamedPicture(str(i), np.full((64, 64, 3), i, np.uint8), (f"words {i}",)) for i in range(40)]
    seen = []

    def measure(part):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(len(part))
        return [float(work.rgb[0, 0, 0]) for work in part]

    path = tmp_path / "lines.jsonl"
    with pytest.raises(KeyboardInterrupt):
        scores._lines(works, measure, path, str, "x")
    with path.open("a") as file:
        file.write('["39 cut')
    seen.clear()
    found = scores._lines(works, measure, path, str, "x")
    assert sum(seen) == 8 and found == {str(i): float(i) for i in range(40)}
    again = scores._lines([scores.NamedPicture("3", works[9].rgb, ("other words",))], measure, path, str, "x")
    assert again == {"3": 9.0}


def test_features_are_taken_off_only_where_they_predict_works_that_were_left_out():
    draw = np.random.default_rng(0)
    table = [dict.fromkeys(FEATURES, 0.0) | {"size": float(v), "words": float(w)}
             for v, w in draw.normal(size=(100, 2))]
    noise = draw.normal(size=100)
    assert expectation(table, noise.tolist()) is None
    told = expectation(table, [f["size"] + 0.3 * n for f, n in zip(table, noise, strict=True)])
    assert told is not None and told.explained > 0.3
    assert expectation(table[:20], noise[:20].tolist()) is None  # too few to know


def test_no_work_plays_two_parts():
    world = open_world()
    rows = read_manifest(world)
    parts, test = WorksByRole(rows), chosen(rows, "caption")
    used = [r["id"] for part in (parts.control, parts.tuning, parts.tuning_once, *test.values()) for r in part]
    assert len(used) == len(set(used)) and {len(test["1"]), len(parts.control)} == {150, 400}
    names = [w.name for group in HARD for w in hard(world, group)]
    assert len(names) == len(set(names)) and not set(names) & set(used)
