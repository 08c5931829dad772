"""What a world's card measured, as the screens show it: dose and response, the near-copy rule, the effort."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import ExplorerError


@dataclass(frozen=True)
class Dose:
    """Works with so many copies in training: the share (0 to 1) that came back, with its 95 % interval."""

    copies: int
    works: int
    came_back: int
    share: float
    low: float
    high: float
    distance: float  # median tiled distance of the closest replay, 0 to 1, lower is closer


@dataclass(frozen=True)
class Card:
    """The measured figures of one world, named by its fingerprint."""

    fingerprint: str
    doses: tuple[Dose, ...]
    near_copy: float  # tiled distance below which a replay can be a near copy
    margin: float  # and below this share of the distance to the nearest other work
    seeds: int
    steps: int
    guidance: float
    psnr_floor: float  # dB, median over works of the autoencoder's own round trip


def read_card(root: Path) -> Card | None:
    """The card of the world at `root`; None without one. ExplorerError where it is damaged."""
    path = root / "card.json"
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text("utf-8"))
        rule, effort = value["near_copy_rule"], value["effort"]
        doses = tuple(Dose(int(n), d["works"], d["near_copies"], d["share"], d["low"], d["high"],
                           d["median_tiled_distance"]) for n, d in value["dose_response"].items())
        return Card(value["fingerprint"], doses, rule["absolute"], rule["margin"], effort["seeds"],
                    effort["steps"], effort["guidance"], value["autoencoder"]["psnr_median"])
    except (ValueError, TypeError, KeyError) as error:
        raise ExplorerError("world.figures_damaged_run_python", path_name=path.name, error=error) from error
