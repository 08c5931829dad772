"""A flow model through the worker: a measured test with its controls, rates, a race and a scan for its seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from explorer.findings.controls import measured_rates
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.images.decode import png_bytes
from explorer.jobs.tasks import MeasureControls, MeasureSignals, MeasureSubject, RecoverSeed
from explorer.records.policy import Policy
from tests.clip.conftest import write_clip
from tests.diffusion import tiny
from tests.diffusion.families import tiny_flows
from tests.worker.test_runners import work  # noqa: F401

POLICY = Policy(prompt_from="caption", seeds=16, steps=2, guidance=2.0)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> dict[str, str]:
    """Folders with a tiny flow model and a tiny CLIP."""
    folder = tmp_path_factory.mktemp("sources")
    tiny_flows.pipeline("zimage", folder / "tokens").save_pretrained(folder / "model")
    (folder / "model" / "afterimage.json").write_text(json.dumps({"default_size_px": tiny.SIZE_PX,
                                                                  "default_steps": 3}))
    return {"model": str(folder / "model"), "clip": str(write_clip(folder / "clip"))}


@pytest.fixture
def pictures(tmp_path) -> Path:
    draw = np.random.default_rng(7)
    for i in range(40):
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        (tmp_path / f"{i:02}.png").write_bytes(png_bytes(rgb))
        (tmp_path / f"{i:02}.txt").write_text("a window", "utf-8")
    return tmp_path


def test_a_measured_test_and_rates(work, pictures):  # noqa: F811
    done = work.run(MeasureControls(str(pictures), POLICY, work.case.id, work.settings.model, work.settings.clip))
    results, = work.case.records(ControlResults)
    own = POLICY.for_family("zimage")
    assert results.policy == own.id != POLICY.id and own.scheduler == "euler"
    assert results.effort_each.unet_evaluations == 16 * 2 * 2
    work.run(MeasureSubject(work.case.id, work.subject.id, "m", POLICY, str(pictures), work.settings.model,
                            work.settings.clip))
    test, = work.case.records(Measured)
    replays = work.case.replays(work.subject.id, search_id="m", limit=-1)
    assert {r.recipe.scheduler for r in replays} == {"euler"} and len(replays) == 16
    assert test.effort.unet_evaluations == sum(r.unet_evaluations for r in replays)
    assert "of 40 control" in work.case.records(Finding)[-1].statement
    assert measured_rates(Path(done["out"]), pictures, own)["works"] == 40


def test_a_race_and_the_signals_of_the_prompt(work):  # noqa: F811
    summary = work.run(work.search(mode="race", seeds=6, steps=(8,), prompt="a door"))
    assert summary["state"] == "done" and summary["starters"] == 6
    work.run(MeasureSignals(work.case.id, work.subject.id, "a door", work.settings.model, seeds=2, steps=2,
                            guidance=2.0))
    reading = work.case.log()[-1]
    assert reading.kind == "SignalReading"


def test_a_pictures_seed_is_looked_for_by_inversion_too(work):  # noqa: F811
    found = work.run(RecoverSeed(work.case.id, work.subject.id, "scan", 0, 64, ("torch-cpu",),
                                 model=work.settings.model))
    assert found["next_seed"] == 64 and set(found["encodings"]) == {"plain", "inverted"}
