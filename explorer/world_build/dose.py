"""Dose and response: what share of works comes back, for each multiplicity."""

from __future__ import annotations

import numpy as np

from explorer.statistics import fall_p, share_interval, trend_p
from explorer.world_build.dose_replays import Attempt

ONCE_SAMPLE = 150
SEED = 0
DOSES = (0, 1, 4, 16, 64, 256)


def dose_of(row: dict) -> int | None:
    """The dose whose share a work counts for; None for works outside the main experiment.

    Dose 0 is the held-out split `test`; altered copies are given on their own.
    """
    if row["split"] == "test":
        return 0
    return row["multiplicity"] if row["split"] == "train" and row["variant"] == "same" else None


def chosen_works(rows: list[dict]) -> list[int]:
    """Works to try, the highest doses first; of the works seen once a fixed random sample."""
    by_dose = {d: [i for i, r in enumerate(rows) if dose_of(r) == d] for d in DOSES}
    once = np.random.default_rng(SEED).permutation(by_dose[1])[:ONCE_SAMPLE]
    by_dose[1] = sorted(int(i) for i in once)
    altered = [i for i, r in enumerate(rows) if r["variant"] != "same"]
    return [i for d in reversed(DOSES) for i in by_dose[d]] + altered


def strangers(rows: list[dict]) -> list[int]:
    """Works that trained nothing at all."""
    return [i for i, r in enumerate(rows) if r["split"] == "stranger"]


def share(found: list[Attempt]) -> dict:
    """Share of works that came back, with its 95% interval and the distances reached."""
    hits = sum(a.near_copy_seed is not None for a in found)
    came = share_interval(hits, len(found), method="wilson")
    return {
        "share": round(came.value, 4), "low": round(came.low, 4), "high": round(came.high, 4),
        "works": len(found), "near_copies": hits,
        "nearest_is_own": round(float(np.mean([a.nearest_is_own for a in found])), 4),
        "median_tiled_distance": round(float(np.median([a.to_work for a in found])), 4),
    }  # fmt: skip


def response(rows: list[dict], found: dict[int, Attempt], epochs: float) -> dict:
    """The card's figures: shares a dose (dose as copies and as views), trend, falls, altered."""
    shares = {}
    for dose in DOSES:
        group = [a for i, a in found.items() if dose_of(rows[i]) == dose]
        if group:
            shares[str(dose)] = {**share(group), "views": round(dose * epochs)}
    hits = [s["near_copies"] for s in shares.values()]
    trials = [s["works"] for s in shares.values()]
    falls = {
        f"{a} to {b}": round(fall_p((hits[k], hits[k + 1]), (trials[k], trials[k + 1])), 4)
        for k, (a, b) in enumerate(zip(list(shares), list(shares)[1:], strict=False))
    }
    altered = {
        kind: share([a for i, a in found.items() if rows[i]["variant"] == kind])
        for kind in ("captions", "images")
        if any(rows[i]["variant"] == kind for i in found)
    }
    return {
        "dose_response": shares,
        "trend_p": trend_p(hits, trials, list(range(len(hits)))),
        "fall_p": falls,
        "copies_that_differ": altered,
    }
