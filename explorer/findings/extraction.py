"""Blind extraction. Carlini et al. 2023, section 5: prompts whose pictures fall together, without a target.

Many seeds for one prompt; pictures that are mutually near form a clique, and its centre is what the model
keeps coming back to. That shows a picture which hardly depends on the noise; whether it is a work of the
training set only a collection can show, and there a neighbour is similarity, not proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.diffusion.models import Model
from explorer.findings.signals import cliques
from explorer.findings.signals.measure import measure
from explorer.records import Recipe
from explorer.run import QUIET, Run


@dataclass(frozen=True)
class Clique:
    """The largest mutually near set among the pictures of a prompt; `seeds` are its members'.

    `apart` is the median tiled distance of the others to the centre, in [0, 1]; 0 for a clique of one.
    `recipe` makes the centre, whose PNG is `png`.
    """

    prompt: str
    tried: int
    seeds: tuple[int, ...]
    apart: float
    recipe: Recipe
    png: bytes
    unet_evaluations: int


def extract(model: Model, prompt: str, *, seeds: Sequence[int], steps: int = 0, guidance: float = 0.0,
            threshold: float = cliques.THRESHOLD, run: Run = QUIET) -> Clique:
    """The Clique of one prompt, however small it is; `run` ticks between steps."""
    measured = measure(model, prompt, names=("one_step",), seeds=seeds, steps=steps, guidance=guidance,
                       images=True, run=run)
    distances = cliques.pairwise_tiled(np.stack([made.rgb for made in measured.images]))
    members = list(cliques.largest_clique(distances, threshold=threshold))
    among = distances[np.ix_(members, members)]
    middle = int(among.sum(1).argmin())
    centre = measured.images[members[middle]]
    apart = float(np.median(np.delete(among[middle], middle))) if len(members) > 1 else 0.0
    return Clique(prompt, len(measured.images), tuple(measured.images[m].recipe.seed for m in members), apart,
                  centre.recipe, centre.png, measured.unet_evaluations)
