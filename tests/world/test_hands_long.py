"""A long training that is stopped and goes on ends as one that never stopped."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from explorer.errors import ExplorerError
from explorer.world_build.hands.long import LongPlan, LongTraining

PLAN = LongPlan("small", batch=4, rate=1e-2)


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))


def _run(folder, steps: int, decay: bool = False) -> LongTraining:
    training = LongTraining(PLAN, _model(), folder)
    for step in training.steps(1e9, steps if decay else 0) if decay else _until(training, steps):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
        training.update((training.model(x) - x.sum(1, keepdim=True)).square().mean())
    return training


def _until(training: LongTraining, step: int):
    for number in training.steps(1e9):
        if number >= step:
            training.save()
            return
        yield number


def test_going_on_equals_never_stopping(tmp_path):
    whole = _run(tmp_path / "whole", 40)
    _run(tmp_path / "parts", 15)
    parts = _run(tmp_path / "parts", 40)
    assert parts.step == whole.step == 40
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, parts.model.state_dict()[name])
        assert torch.allclose(whole.average[name], parts.average[name])


def test_the_rate_falls_to_nothing_in_the_last_run(tmp_path):
    _run(tmp_path, 10)
    last = _run(tmp_path, 20, decay=True)
    assert last.step == 30 and last.optimiser.param_groups[0]["lr"] < 0.1 * PLAN.rate


def test_minutes_and_loss_are_noted(tmp_path):
    ticks = iter(range(0, 100000, 50))
    training = LongTraining(PLAN, _model(), tmp_path, clock=lambda: float(next(ticks)))
    for _ in training.steps(60):
        training.update(training.model(torch.ones(4, 3)).square().mean())
    lines = [json.loads(line) for line in training.log.read_text().splitlines()]
    assert lines[-1]["step"] == training.step and lines[-1]["minutes"] >= 60
    assert sum(line["steps"] for line in lines) == training.step
    assert training.checkpoint.exists()


def test_a_checkpoint_of_another_model_is_named(tmp_path):
    _run(tmp_path, 5)
    with pytest.raises(ExplorerError, match="Delete it"):
        LongTraining(PLAN, nn.Linear(2, 2), tmp_path)
