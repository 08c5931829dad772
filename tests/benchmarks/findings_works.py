"""Which works of the world the findings benchmark uses, by their part in it; fixed, stated, never mixed.

control: 400 held-out works that subjects are ranked among. tuning: 100 held-out works for the regression
and the baselines' settings. test: 400 held-out works. stranger: 150. Members by multiplicity, the two
groups with differing copies apart; of the works seen once, the first 150 by their SHA-256.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SINGLES = 150
PACE = {"test": 60, "stranger": 30, "256": 24, "64": 24, "16": 22, "4": 10, "1": 10, "64_captions": 8,
        "64_images": 8}  # how the groups grow beside each other; tuning works and controls come last
GROUPS = ("control", "tuning", "test", "stranger", "1", "4", "16", "64", "256", "64_captions", "64_images")


def group(row: dict) -> str:
    """The part a work plays; "" for those not used."""
    if row["split"] in ("control", "tuning", "test", "stranger"):
        return row["split"]
    if row["split"] != "train":
        return ""
    return str(row["multiplicity"]) + ("" if row["variant"] == "same" else f"_{row['variant']}")


def chosen(rows: Sequence[dict]) -> list[int]:
    """Indices of the works used, so ordered that the groups grow at the pace of PACE.

    Tuning works and controls come last: a bank of the first N holds some of every other group, and the controls'
    stored results, with what the tuning works predict, stand in for the rest.
    """
    by_group: dict[str, list[int]] = {name: [] for name in GROUPS}
    for i in sorted(range(len(rows)), key=lambda i: rows[i]["sha256"]):
        if group(rows[i]) in by_group:
            by_group[group(rows[i])].append(i)
    by_group["1"] = by_group["1"][:SINGLES]
    order = [(name not in PACE, n / PACE.get(name, 1), i)
             for name, part in by_group.items() for n, i in enumerate(part)]
    return [i for _, _, i in sorted(order)]


def indices(rows: Sequence[dict], pick: Sequence[int]) -> dict[str, np.ndarray]:
    """Group to positions in `pick`."""
    names = np.array([group(rows[i]) for i in pick])
    return {name: np.flatnonzero(names == name) for name in GROUPS}
