"""What the trainings share: a budget in minutes, a cosine to its end, averaged weights, checkpoints."""

from __future__ import annotations

import math
import os
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from explorer.errors import ExplorerError

SAVE_EVERY_S = 60.0
WARM_UP = 0.02  # share of the budget in which the learning rate rises
Report = Callable[[str, float, str], None]  # stage, fraction in [0, 1], message


@dataclass(frozen=True)
class TrainingPlan:
    """How one model is trained. `minutes` of wall clock, all resumed runs together."""

    name: str
    minutes: float
    batch: int
    rate: float  # AdamW's, at its highest
    decay: float = 0.01
    average: float = 0.999  # of the exponential moving average of the weights
    compile: bool = False


class Training:
    """One resumable training: `for fraction in training.steps()` compute a loss, then `update(loss)`."""

    def __init__(self, plan: TrainingPlan, model: nn.Module, checkpoint: Path, report: Report, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.plan, self.model, self.checkpoint, self.report, self.clock = plan, model, checkpoint, report, clock
        matrices = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
        vectors = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
        self.optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": plan.decay},
                                            {"params": vectors, "weight_decay": 0.0}],
                                           lr=plan.rate, betas=(0.9, 0.98))
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.step, self.spent_s, self.loss = 0, 0.0, math.nan
        self._resume()

    def steps(self) -> Iterator[float]:
        """Fractions of the budget spent, until it is; saves a checkpoint every two minutes and at the end."""
        began, saved, before = self.clock(), self.clock(), self.spent_s
        while (fraction := self.spent_s / (60 * self.plan.minutes)) < 1:
            self._set_rate(fraction)
            yield fraction
            now = self.clock()
            self.spent_s = before + now - began
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = now
                left_min = self.plan.minutes - self.spent_s / 60
                self.report(self.plan.name, min(fraction, 1.0),
                            f"step {self.step}, loss {self.loss:.4f}, {left_min:.0f} min left")
        self.save()

    def update(self, loss: torch.Tensor) -> None:
        """One optimiser step, gradients clipped to norm 1, and the averaged weights after it."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(self.plan.average, self.step / (self.step + 10))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)
        if self.step % 20 == 0:
            self.loss = float(loss.detach())

    def finish(self) -> nn.Module:
        """The model with its averaged weights, in evaluation mode."""
        self.model.load_state_dict(self.average)
        return self.model.eval()

    def save(self) -> None:
        """Writes the checkpoint: whole, then renamed into place."""
        part = self.checkpoint.with_suffix(".part")
        try:
            torch.save({"model": self.model.state_dict(), "average": self.average, "step": self.step,
                        "optimiser": self.optimiser.state_dict(), "spent_s": self.spent_s}, part)
            os.replace(part, self.checkpoint)
        except (OSError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise ExplorerError("world.training_checkpoint_cannot_written", checkpoint=self.checkpoint,
                                error=error) from error

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        device = next(self.model.parameters()).device
        try:
            state = torch.load(self.checkpoint, map_location=device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, KeyError, EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise ExplorerError("world.training_checkpoint_not_fit", checkpoint=self.checkpoint,
                                error=str(error)[:80]) from error
        self.average, self.step, self.spent_s = state["average"], state["step"], state["spent_s"]

    def _set_rate(self, fraction: float) -> None:
        warm = min(1.0, fraction / WARM_UP + 0.02)
        cosine = 0.5 * (1 + math.cos(math.pi * min(fraction, 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * warm * (0.02 + 0.98 * cosine)


def autocast(device: torch.device) -> torch.autocast:
    """bfloat16 for the forward pass: half the time on processors and cards that know it."""
    return torch.autocast(device.type, torch.bfloat16)


def pick_device(name: str) -> torch.device:
    """"auto" is CUDA where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ExplorerError("world.training_no_device", name=name) from error
