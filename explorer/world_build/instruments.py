"""How good the neutral instruments are, and whether they favour anybody.

Autoencoder: PSNR of the round trip. CLIP: rank of a work's image among all works under
its own caption. Both per multiplicity, for held-out works and for strangers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from explorer.statistics import bootstrap, share_interval
from explorer.world_build.autoencoder_train import psnr_db
from explorer.world_build.clip_train import ranks
from explorer.world_build.truth import HELD_OUT


def autoencoder_figures(rows: list[dict], works: np.ndarray, again: np.ndarray) -> dict:
    """PSNR in dB of each group; `works` and `again` (n, 64, 64, 3) on [0, 1]."""
    decibel = psnr_db(works, again)
    trained, members, held = _masks(rows)
    low, high = bootstrap(lambda a: np.median(a, axis=1), decibel[trained])
    apart = bootstrap(lambda a, b: np.median(a, axis=1) - np.median(b, axis=1), decibel[members], decibel[held])
    return {
        "psnr_median": _r(np.median(decibel[trained])), "low": _r(low), "high": _r(high),
        "member_minus_held_out_db": _r(np.median(decibel[members]) - np.median(decibel[held])),
        "member_minus_held_out_low": _r(apart[0]), "member_minus_held_out_high": _r(apart[1]),
        "psnr_median_by_group": _by_group(rows, lambda m: _r(np.median(decibel[m]))),
    }  # fmt: skip


def clip_figures(rows: list[dict], image: np.ndarray, text: np.ndarray) -> dict:
    """Share of works whose own image is in the top 5 under their caption, among all works."""
    hit = ranks(image, text) <= 5
    trained, members, held = _masks(rows)
    found = share_interval(int(hit[trained].sum()), int(trained.sum()), method="wilson")
    apart = bootstrap(lambda a, b: a.mean(axis=1) - b.mean(axis=1), hit[members].astype(float),
                      hit[held].astype(float))
    return {
        "r_at_5": _r(found.value, 4), "low": _r(found.low, 4), "high": _r(found.high, 4),
        "member_minus_held_out": _r(hit[members].mean() - hit[held].mean(), 4),
        "member_minus_held_out_low": _r(apart[0], 4), "member_minus_held_out_high": _r(apart[1], 4),
        "gallery": len(rows),
        "r_at_5_by_group": _by_group(rows, lambda m: _r(hit[m].mean(), 4)),
    }  # fmt: skip


def _masks(rows: list[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    split = np.array([r["split"] for r in rows])
    return split != "stranger", split == "train", np.isin(split, HELD_OUT)


def _by_group(rows: list[dict], figure: Callable[[np.ndarray], float]) -> dict[str, float]:
    names = np.array([group_of(r) for r in rows])
    return {name: figure(names == name) for name in sorted(set(names), key=_order)}


def group_of(row: dict) -> str:
    """Multiplicity of a member, with what differs between its copies; else the split's name."""
    if row["split"] != "train":
        return "held_out" if row["split"] in HELD_OUT else row["split"]
    altered = "" if row["variant"] == "same" else f"_{row['variant']}_differ"
    return f"{row['multiplicity']}{altered}"


def _order(name: str) -> tuple[int, str]:
    return (int(name.split("_")[0]), name) if name[0].isdigit() else (-1, name)


def _r(value: float, digits: int = 2) -> float:
    return round(float(value), digits)
