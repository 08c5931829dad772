"""A training in several long runs: steady rate, averaged weights, checkpoints that know exactly where they were.

The rate rises, then stays; the last run of all lets it fall to nothing ("warm-up, stable, decay": Hu et al. 2024,
"MiniCPM", section 4). So no run needs to know how long the next will be.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from explorer.errors import ExplorerError

WARM_UP_STEPS = 100
SAVE_EVERY_S = 600.0
NOTE_EVERY_S = 60.0
AVERAGE_EVERY = 4  # steps


@dataclass(frozen=True)
class LongPlan:
    """How one model is trained."""

    name: str
    batch: int
    rate: float  # AdamW's
    decay: float = 0.01
    average: float = 0.9995  # of the exponential moving average, for one step
    compile: bool = False


class LongTraining:
    """One resumable training: `for step in training.steps(...)` compute a loss, then `update(loss)`.

    The checkpoint lies at `folder`/`plan.name`.pt; beside it `plan.name`.jsonl gets a line a minute.
    """

    def __init__(self, plan: LongPlan, model: nn.Module, folder: Path, *,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.plan, self.model, self.clock = plan, model, clock
        self.checkpoint, self.log = folder / f"{plan.name}.pt", folder / f"{plan.name}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        matrices = [p for p in model.parameters() if p.requires_grad and p.ndim >= 2]
        vectors = [p for p in model.parameters() if p.requires_grad and p.ndim < 2]
        self.optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": plan.decay},
                                            {"params": vectors, "weight_decay": 0.0}],
                                           lr=plan.rate, betas=(0.9, 0.99), fused=True)
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.step, self.spent_s, self.processor_s, self.losses = 0, 0.0, 0.0, []
        if self.checkpoint.exists():
            self._resume()

    def steps(self, minutes: float, decay_steps: int = 0) -> Iterator[int]:
        """Numbers of the steps of this run: `minutes` by the clock, or `decay_steps` while the rate falls."""
        began, noted, saved = self.clock(), self.clock(), self.clock()
        before, worked, first = self.spent_s, time.process_time(), self.step
        base = self.processor_s
        while (self.step - first < decay_steps) if decay_steps else (self.clock() - began < 60 * minutes):
            left = 1 - (self.step - first) / decay_steps if decay_steps else 1.0
            self._set_rate(left)
            yield self.step
            now = self.clock()
            self.spent_s, self.processor_s = before + now - began, base + time.process_time() - worked
            if now - noted > NOTE_EVERY_S:
                self.note()
                noted = now
            if now - saved > SAVE_EVERY_S:
                self.save()
                saved = now
        self.note()
        self.save()

    def update(self, loss: torch.Tensor) -> None:
        """One optimiser step, gradients clipped to norm 1, and now and then the averaged weights."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        self.losses.append(float(loss.detach()))
        if self.step % AVERAGE_EVERY == 0:
            keep = min(self.plan.average, (1 + self.step) / (10 + self.step)) ** AVERAGE_EVERY
            with torch.no_grad():
                for name, value in self.model.state_dict().items():
                    if value.is_floating_point():
                        self.average[name].lerp_(value, 1 - keep)

    def note(self) -> None:
        """One line on how far it is: steps, minutes (clock and processors), mean loss since the last line."""
        if not self.losses:
            return
        line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S"), "step": self.step,
                "minutes": round(self.spent_s / 60, 2), "processor_minutes": round(self.processor_s / 60, 2),
                "loss": round(sum(self.losses) / len(self.losses), 5), "steps": len(self.losses)}
        self.losses = []
        with self.log.open("a") as log:
            log.write(json.dumps(line) + "\n")

    def averaged(self) -> nn.Module:
        """The model with its averaged weights, in evaluation mode."""
        self.model.load_state_dict(self.average)
        return self.model.eval()

    def save(self) -> None:
        """Writes the checkpoint: whole, then renamed into place."""
        part = self.checkpoint.with_suffix(".part")
        try:
            torch.save({"model": self.model.state_dict(), "average": self.average, "step": self.step,
                        "optimiser": self.optimiser.state_dict(), "spent_s": self.spent_s,
                        "processor_s": self.processor_s}, part)
            os.replace(part, self.checkpoint)
        except (OSError, RuntimeError) as error:
            part.unlink(missing_ok=True)
            raise ExplorerError("world_build.long_checkpoint_cannot_written", checkpoint=self.checkpoint,
                                error=error) from error

    def _resume(self) -> None:
        try:
            device = next(self.model.parameters()).device
            state = torch.load(self.checkpoint, map_location=device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
        except (RuntimeError, KeyError, EOFError, ValueError) as error:
            raise ExplorerError("world_build.long_checkpoint_not_fit", checkpoint=self.checkpoint,
                                error=str(error)[:80]) from error
        self.average, self.step = state["average"], state["step"]
        self.spent_s, self.processor_s = state["spent_s"], state["processor_s"]

    def _set_rate(self, left: float) -> None:
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * warm * max(left, 0.0)
