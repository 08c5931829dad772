"""Blind extraction on the bundled model: a prompt that it holds by heart, and one that it does not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from explorer.closeness.pixel_scores import compare
from explorer.errors import ExplorerError
from explorer.images.decode import open_image
from explorer.jobs.tasks import ExtractPrompts
from explorer.settings import WORLD
from explorer.world.files import open_world
from explorer.world.manifest import load_small, read_manifest
from tests.worker.test_runners import sources, work  # noqa: F401


@pytest.fixture(scope="module")
def captions():
    """The caption and picture of a work seen 256 times, and a caption that was not seen."""
    rows = read_manifest(open_world())
    often = next(r for r in rows if r["split"] == "train" and r["multiplicity"] == 256 and r["variant"] == "same")
    never = next(r for r in rows if r["split"] == "test")
    return often["caption"], load_small(WORLD, [often["image"]])[0], never["caption"]


def test_what_comes_back_by_itself_is_found_without_a_target(work, captions, tmp_path):  # noqa: F811
    often, picture, never = captions
    listed = tmp_path / "prompts.txt"
    listed.write_text(f"{never}\n{often}\n", "utf-8")
    task = ExtractPrompts(str(listed), str(tmp_path / "out"), "world", screen_seeds=2, keep=2, seeds=10, steps=8,
                          least=6)
    result = work.run(task)
    found, = result["found"]
    assert found["prompt"] == often and found["clique"] >= 6 and result["tried"] == 2
    assert found["recipe"]["seed"] in found["members"] and found["apart"] < 0.15
    shown = open_image((tmp_path / "out" / found["picture"]).read_bytes(), name="x").rgb
    near = compare(picture, shown, only=("tiled_l2",))["tiled_l2"]
    far = compare(np.roll(picture, 16, 1), shown, only=("tiled_l2",))["tiled_l2"]
    assert near < 0.19 < far
    lines = (tmp_path / "out" / "cliques.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["prompt"] for line in lines].count(never) == 1 and len(lines) == 2
    before = {p: p.stat().st_mtime_ns for p in Path(task.out).glob("*.png")}
    assert work.run(task) == result  # nothing is made again
    assert {p: p.stat().st_mtime_ns for p in Path(task.out).glob("*.png")} == before
    with pytest.raises(ExplorerError, match="other settings"):
        work.run(dataclasses.replace(task, least=7))


def test_a_clique_that_cannot_be_is_refused(work, tmp_path):  # noqa: F811
    with pytest.raises(ExplorerError, match="at least 20 among 10"):
        work.run(ExtractPrompts("list", str(tmp_path), seeds=10, least=20))
