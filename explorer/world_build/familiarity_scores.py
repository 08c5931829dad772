"""The world's works put through a plan of familiarity or the signs, a line a work in the cache: resumable."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.diffusion.denoising import latents_of
from explorer.diffusion.models import Model
from explorer.familiarity.familiarity_plan import Plan
from explorer.familiarity.made_by import first_loss
from explorer.familiarity.statistic import familiarity

TOGETHER = 16  # works that are measured and written down at once
BATCH = 64  # rows of the network at once

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class NamedPicture:
    """A picture (64, 64, 3) uint8 under a name that tells it from all others, with its words."""

    name: str
    rgb: np.ndarray
    words: tuple[str, ...] = ("",)


def familiarity_lines(model: Model, works: Sequence[NamedPicture], plan: Plan, *, folder: Path,
                      report: Report = print) -> dict[str, dict[str, Any]]:
    """Name → {"gaps": (prompts, times), "plain": (times,), "value"} of every work; parts on disk are kept."""
    def measure(part: Sequence[NamedPicture]) -> list[dict[str, Any]]:
        latents = latents_of(model, [work.rgb for work in part])
        found = familiarity(model, latents, [work.words for work in part], plan, batch=BATCH)
        return [{"gaps": np.round(gap, 6).tolist(), "plain": np.round(plain, 6).tolist(), "value": float(value),
                 "evaluations": int(spent)}
                for gap, plain, value, spent in zip(found.by_prompt, found.plain, found.values, found.evaluations,
                                                    strict=True)]
    told = [model.ref.fingerprint, plan.id]
    return _lines(works, measure, folder / f"familiarity-{_digest(told)}.jsonl", report, f"{plan.words}")


def sign_lines(model: Model, works: Sequence[NamedPicture], *, folder: Path,
               report: Report = print) -> dict[str, float]:
    """Name → the autoencoder's first loss on every picture."""
    return _lines(works, lambda part: [first_loss(model, work.rgb) for work in part],
                  folder / f"signs-{_digest([model.ref.fingerprint])}.jsonl", report, "signs")


def _lines(works: Sequence[NamedPicture], measure: Callable[[Sequence[NamedPicture]], list[Any]], path: Path,
           report: Report, what: str) -> dict[str, Any]:
    found = _read(path)
    keys = {work.name: f"{work.name} {_digest(list(work.words))}" for work in works}
    left = [work for work in works if keys[work.name] not in found]
    path.parent.mkdir(parents=True, exist_ok=True)
    for at in range(0, len(left), TOGETHER):
        part = left[at:at + TOGETHER]
        with torch.no_grad():
            made = {keys[work.name]: line for work, line in zip(part, measure(part), strict=True)}
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps([key, line]) + "\n" for key, line in made.items()))
            file.flush()
            os.fsync(file.fileno())
        found |= made
        report(f"{what}: {at + len(part)} of {len(left)} works")
    return {work.name: found[keys[work.name]] for work in works}


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            key, line = json.loads(text)
            found[key] = line
        except ValueError:
            continue  # cut off by a sudden end
    return found


def _digest(told: list[Any]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
