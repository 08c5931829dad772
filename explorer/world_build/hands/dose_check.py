"""Stage `check`: dose and response of each family, and what share of every other group comes back.

A work comes back when a picture from its caption is a near copy of it. A picture made after a member is asked
for with the member's caption. Its source, and doubles of it, are no rivals: the rule's margin is kept to the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from explorer.closeness.tiled import distances
from explorer.statistics import share_interval
from explorer.world.files import World, sha256_file, write_json
from explorer.world.manifest import load_small, read_manifest, small
from explorer.world.near_copy import NearCopyRule
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.fairness import fair_draw
from explorer.world_build.hands.paint import CPU, Draw, sampler
from explorer.world_build.rule import load_rule

EFFORT = DoseEffort(seeds=16, steps=20, guidance=3.0)
CAPTIONS_AT_ONCE = 16
ARTISTS_EACH = 100  # works of each kind of artist apart
Report = Callable[[str, float, str], None]
WEIGHTS = {"unet": "diffusion/unet/diffusion_pytorch_model.safetensors",
           "flow": "flow/transformer/diffusion_pytorch_model.safetensors"}


@dataclass(frozen=True)
class Target:
    """One picture that may come back: its group, the caption to ask with, and the works that are no rivals."""

    name: str
    group: str
    caption: str
    work: int  # its place among the works, -1 for pictures made after one
    image: str  # below the world's folder
    friends: tuple[int, ...]


def targets(world: World, rows: list[dict]) -> list[Target]:
    """Everything that is asked about, in the order of the manifest."""
    place = {r["id"]: i for i, r in enumerate(rows)}
    family: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row["split"] == "double":
            family.setdefault(row["member"], []).append(i)
    found = []
    for i, row in enumerate(rows):
        if group := _group(row):
            member = row["member"] if row["split"] == "double" else row["id"]
            friends = {place[member], *family.get(member, [])} if member in place else {i}
            found.append(Target(row["id"], group, row["caption"], i, row["image"], tuple(sorted(friends - {i}))))
    found = list(_sampled(found))
    path = world.root / "derived.parquet"
    for picture in pq.read_table(path).to_pylist() if path.exists() else ():
        if picture["role"] == "measure":
            friends = (place[picture["member"]], *family.get(picture["member"], []))
            found.append(Target(picture["id"], f"derived_{picture['kind']}", picture["caption"], -1,
                                picture["image"], tuple(friends)))
    return found


def _group(row: dict) -> str:
    """Group of a work, "" where it is not asked about; doses are named by their number."""
    if row["split"] == "train" and row["role"] == "measure":
        altered = "" if row["variant"] == "same" else f"_{row['variant']}_differ"
        return f"{row['multiplicity']}{altered}"
    if row["split"] == "train" and row["role"] == "doubles":
        return "64_with_doubles"
    if row["seen"]:
        held = "" if row["split"] == "train" else "_held_out"
        return f"artist_{row['seen']}{held}"
    if row["split"] in ("look_alike", "double"):
        return {"look_alike": "look_alikes", "double": "doubles"}[row["split"]] if row["role"] != "tuning" else ""
    return {"test": "0", "stranger": "strangers"}.get(row["split"], "")


def _sampled(found: list[Target]) -> Iterator[Target]:
    """Of artists apart a fixed part of each kind."""
    for group in dict.fromkeys(t.group for t in found):
        members = [t for t in found if t.group == group]
        if group.startswith("artist") and len(members) > ARTISTS_EACH:
            members = [members[k * len(members) // ARTISTS_EACH] for k in range(ARTISTS_EACH)]
        yield from members


def tried(world: World, folder: Path, family: str, effort: DoseEffort, report: Report,
          draw: Draw) -> dict[str, dict]:
    """Nearest distance and first near copy of every target; goes on where a stopped check ended."""
    rows = read_manifest(world)
    works = load_small(world.root, [r["image"] for r in rows]) / np.float32(255)
    rule = load_rule(world)
    key = {"weights": sha256_file(world.root / WEIGHTS[family]), "manifest": sha256_file(world.manifest),
           "seeds": effort.seeds, "steps": effort.steps, "guidance": effort.guidance}
    kept = folder / f"tried-{family}.json"
    found = _ledger(kept, key)
    by_caption: dict[str, list[Target]] = {}
    for target in targets(world, rows):
        if target.name not in found:
            by_caption.setdefault(target.caption, []).append(target)
    open_ = list(by_caption)
    for start in range(0, len(open_), CAPTIONS_AT_ONCE):
        some = open_[start:start + CAPTIONS_AT_ONCE]
        pairs = [(c, s) for c in some for s in range(effort.seeds)]
        made = draw([c for c, _ in pairs], [s for _, s in pairs], effort)
        table = distances(works, made).reshape(len(some), effort.seeds, -1)
        for n, caption in enumerate(some):
            images = made[n * effort.seeds:(n + 1) * effort.seeds]
            for target in by_caption[caption]:
                found[target.name] = judged(target, table[n], images, world, rule)
        write_json(kept, {"key": key, "found": found})
        report(family, (start + len(some)) / len(open_), f"{start + len(some)} of {len(open_)} captions")
    return found


def _ledger(path: Path, key: dict) -> dict[str, dict]:
    if not path.exists():
        return {}
    value = json.loads(path.read_text("utf-8"))
    return value["found"] if value["key"] == key else {}


def judged(target: Target, table: np.ndarray, images: np.ndarray, world: World, rule: NearCopyRule) -> dict:
    """What the seeds of a caption gave for one target; `table` (seeds, works)."""
    rivals = table.copy()
    rivals[:, list(target.friends)] = np.inf
    if target.work >= 0:
        own = table[:, target.work]
        rivals[:, target.work] = np.inf
    else:
        picture = small(world.root / target.image) / np.float32(255)
        own = distances(picture[None], images)[:, 0]
    holds = rule.holds(own, rivals.min(1))
    return {"group": target.group, "near_copy_seed": int(holds.argmax()) if holds.any() else None,
            "to_work": round(float(own.min()), 4), "best_seed": int(own.argmin())}


def shares(found: dict[str, dict]) -> dict[str, dict]:
    """{group: works, near copies, share and its 95% interval}, doses first."""
    out = {}
    for group in sorted({f["group"] for f in found.values()}, key=lambda g: (not g.isdigit(), g.zfill(4))):
        mine = [f for f in found.values() if f["group"] == group]
        hits = sum(f["near_copy_seed"] is not None for f in mine)
        came = share_interval(hits, len(mine), method="wilson")
        out[group] = {"works": len(mine), "near_copies": hits, "share": round(came.value, 4),
                      "low": round(came.low, 4), "high": round(came.high, 4),
                      "median_tiled_distance": round(float(np.median([f["to_work"] for f in mine])), 4)}
    return out


def fairness(world: World) -> dict:
    """Whether members and held-out works are told apart without the model, in all and by artist.

    Artists set apart are left out: that nobody of theirs is held out, or everybody, is the point of them.
    """
    rows = [r for r in read_manifest(world) if not r["seen"]]
    pixels = load_small(world.root, [r["image"] for r in rows])
    hands = np.array([r["hand"] for r in rows])
    found = {"all": fair_draw(rows, pixels, None)["model_free"]}
    for hand in sorted(set(hands)):
        some = np.flatnonzero(hands == hand)
        if {"train", "test"} <= {rows[i]["split"] for i in some}:
            found[hand] = fair_draw([rows[i] for i in some], pixels[some], None)["model_free"]
    return found


def check(world: World, folder: Path, report: Report, effort: DoseEffort = EFFORT, device=CPU) -> dict:
    """Measures every family that is there; writes `families.json`, what the card takes over."""
    value: dict = {"families": {}, "groups": {}, "weights": {}, "manifest": sha256_file(world.manifest)}
    for family, weights in WEIGHTS.items():
        if (world.root / weights).exists():
            value["weights"][family] = sha256_file(world.root / weights)
            found = shares(tried(world, folder, family, effort, report, sampler(world, family, device)))
            doses = {g: s for g, s in found.items() if g.isdigit()}
            value["families"][family] = {"dose_response": doses,
                                         "groups": {g: s for g, s in found.items() if not g.isdigit()}}
    value["groups"] = value["families"].get("unet", {}).get("groups", {})
    value["fair_draw"] = fairness(world)
    value["effort"] = {"seeds": effort.seeds, "steps": effort.steps, "guidance": effort.guidance}
    write_json(world.root / "families.json", value)
    return value
