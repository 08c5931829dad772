"""Two checks beside the ranking: img2img of held-out works, and who notices a near copy at the door."""

from __future__ import annotations

import dataclasses

import numpy as np

from explorer.closeness.pixel_scores import compare
from explorer.closeness.tiled import distances
from explorer.collections.signatures import hashes, signature
from explorer.diffusion.models import Model
from explorer.diffusion.sampling import sample
from explorer.findings.case_ledger import recipe_ledger
from explorer.findings.closeness_finding import judge
from explorer.findings.finding import ControlResults
from explorer.records import Effort, Replay, ReplaySettings
from explorer.records.policy import Policy
from explorer.search.expand import expand
from explorer.statistics import auc
from explorer.world.files import World
from explorer.world.manifest import load_small
from explorer.world.near_copy import to_own_and_other
from explorer.world_build.rule import load_rule
from tests.benchmarks.findings_bank import Bank
from tests.benchmarks.findings_measure import Subjects, share

STRENGTHS = tuple(round(0.1 * k, 1) for k in range(1, 10))
NOMINAL = 0.05


def img2img_trap(model: Model, subjects: Subjects, captions: list[str], *, works: int, found: list[dict],
                 controls: ControlResults) -> dict:
    """How often a held-out work's img2img replay is said to stand out at any strength (Bonferroni over nine).

    Each replay is judged as in the app, with its bill, against the controls. `ranked_anyway` is the share that
    would be flagged if replays that were given their picture were ranked like those from noise.
    """
    hits, anyway, supplied, values = [], [], 0, []
    settings = ReplaySettings("", seeds=0, strengths=STRENGTHS, steps=(Policy.steps,), guidances=(Policy.guidance,),
                              schedulers=(Policy.scheduler,))
    for i in subjects.groups["test"][:works]:
        kinds, ranks = [], []
        for recipe in expand(_with(settings, captions[i]), model=model.ref, info=model.info, start_sha256="0" * 64):
            image = sample(model, [recipe], start_rgb=subjects.small[i])[0]
            closeness = compare(subjects.small[i], image.rgb)
            replay = Replay("r", "s", "x", recipe, "0" * 64, closeness, image.unet_evaluations, 0.0)
            ledger = recipe_ledger(recipe, settings, start_rgb=subjects.small[i])
            bare = dataclasses.replace(recipe, start_sha256=None, strength=None)
            for judged, into in ((replay, kinds), (dataclasses.replace(replay, recipe=bare), ranks)):
                into.append(judge("s", judged, Effort(9, 9, 0.0), score="tiled_l2", ledger=ledger,
                                  controls=controls, features=found[i], level=NOMINAL / len(STRENGTHS)).kind)
            values.append(closeness["tiled_l2"])
        hits.append("stands_out" in kinds)
        anyway.append("stands_out" in ranks)
        supplied += kinds.count("supplied_by_you")
    return {**share(np.array(hits)), "ranked_anyway": share(np.array(anyway)), "nominal": NOMINAL,
            "said_supplied_by_you": supplied, "replays": len(values), "median_tiled_l2": float(np.median(values))}


def _with(settings: ReplaySettings, prompt: str) -> ReplaySettings:
    return dataclasses.replace(settings, prompt=prompt)


def door_check(world: World, rows: list[dict], bank: Bank, encoder) -> dict[str, float]:
    """ROC areas of perceptual hash and CLIP for telling generated near copies of a training work from others.

    The first seed of every work is at the door; by the world's near-copy rule some are near copies of a
    work that the model was trained on. Each check knows the training works only.
    """
    made = bank.images[:, 0]
    trained = [i for i, r in enumerate(rows) if r["split"] == "train"]
    small = load_small(world.root, [r["image"] for r in rows])
    table = distances(small / np.float32(255), made / np.float32(255))  # (m, n)
    nearest = np.array(trained)[table[:, trained].argmin(1)]
    copies = load_rule(world).holds(*to_own_and_other(table, nearest))
    apart = (_bits(made)[:, None] != _bits(small[trained])[None]).sum(2).min(1)
    seen = encoder.encode_images(list(made)) @ encoder.encode_images([small[i] for i in trained]).T
    return {"phash_auc": auc(-apart[copies], -apart[~copies]),
            "embedding_auc": auc(seen.max(1)[copies], seen.max(1)[~copies]),
            "near_copies": int(copies.sum()), "images": len(made)}


def _bits(pictures: np.ndarray) -> np.ndarray:
    """(n, 64) bits of the perceptual hashes."""
    codes = hashes(np.stack([signature(rgb) for rgb in pictures]))
    return np.unpackbits(codes.view(np.uint8).reshape(-1, 8), axis=1)
