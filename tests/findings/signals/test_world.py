"""On the bundled world, whose truth is known: works seen 256 times stand out from works never seen."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet
import pytest

from explorer.diffusion.models import load_model
from explorer.findings.signals.observers import prompt_recipes, watch
from explorer.findings.signals.one_step import OneStep
from explorer.findings.signals.wen import Wen
from explorer.statistics import auc
from tests.findings.signals.alone import table

WORKS, SEEDS, STEPS = 5, (0, 1), 8


@pytest.fixture(scope="module")
def captions(world) -> dict[str, list[str]]:
    """Captions of five works that the model saw 256 times and of five tuning works that it never saw."""
    table = pyarrow.parquet.read_table(world / "manifest.parquet").to_pylist()
    seen = [r["caption"] for r in table if r["multiplicity"] == 256 and r["variant"] == "same"]
    never = [r["caption"] for r in table if r["split"] == "tuning"]
    return {"seen": seen[:WORKS], "never": never[:WORKS]}


@pytest.fixture(scope="module")
def measured(world, captions) -> dict[str, np.ndarray]:
    """(10, seeds) of each signal, the works seen first, from one run of the sampler."""
    model = load_model("world", device="cpu")
    prompts = captions["seen"] + captions["never"]
    observers = [Wen(), OneStep()]
    watch(model, prompt_recipes(model, prompts, seeds=SEEDS, steps=STEPS), observers)
    return {o.name: table(o.result(), prompts, SEEDS) for o in observers}


def test_the_prompts_pull_is_stronger_for_works_seen_often(measured):
    means = measured["wen"].mean(axis=1)
    assert np.median(means[:WORKS]) > np.median(means[WORKS:])
    assert auc(means[:WORKS], means[WORKS:]) >= 0.8


def test_one_step_already_tells(measured):
    means = measured["one_step"].mean(axis=1)
    assert np.median(means[:WORKS]) > np.median(means[WORKS:])
