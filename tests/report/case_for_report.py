"""A small, finished case made by hand: one subject, two searches, neighbours, hostile texts in every field."""

from __future__ import annotations

import hashlib
import io
from itertools import count

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.closeness.pixel_scores import compare
from explorer.images.decode import png_bytes
from explorer.records import (
    Effort,
    Environment,
    ModelRef,
    Neighbour,
    PromptCandidate,
    Recipe,
    Replay,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    to_json,
)

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {title} %s \u202egnp.exe\x07"
MODEL = ModelRef("world", "f" * 64, "sd1")


def picture(seed: int, size: int = 64) -> np.ndarray:
    draw = np.random.default_rng(seed)
    rgb = np.full((size, size, 3), 255, np.uint8)
    for _ in range(6):
        y, x, s = *draw.integers(2, size - 20, 2), draw.integers(6, 18)
        rgb[y:y + s, x:x + s] = draw.integers(0, 220, 3)
    return rgb


def make_case(root, *, title: str = "A case", hostile: bool = False) -> Case:
    """The case, with a clock of its own so that its log never depends on the day."""
    ticks = count()
    store = CaseStore(root, clock=lambda: f"2026-01-02T03:04:{next(ticks) % 60:02d}.000Z")
    words = HOSTILE if hostile else "a red fox"
    case = store.create(HOSTILE if hostile else title, question=words, case_number=words, owner=words)
    out = io.BytesIO()
    claims = PngInfo()
    if hostile:
        claims.add_text("parameters", f"{HOSTILE}\nSteps: 20, Sampler: Euler, Seed: 4711, Size: 64x64")
    Image.fromarray(picture(0, 96)).save(out, "PNG", pnginfo=claims)
    subject = case.add_subject(out.getvalue(), words + ".png", caption=words)
    case.commit(Neighbour(subject.id, 1, words, "w1", 0.91, title=words, creator=words, licence="CC0",
                          percentile=99.0, multiplicity=4, image_path="/etc/passwd"))
    case.commit(PromptCandidate(subject.id, 1, words, "interrogation", "best", 0.3, 4, 44.0))
    case.commit(Environment("e" * 64, {"python": "3.11", "device": words}))
    _search(case, subject, "search1", ReplaySettings(words, seeds=8))
    _search(case, subject, "search2", ReplaySettings(words, seeds=0, strengths=(0.2, 0.6)))
    return case


def _search(case: Case, subject, name: str, settings: ReplaySettings) -> None:
    case.commit(SearchPlan(name, subject.id, to_json(settings), MODEL, "c" * 64, "e" * 64, 8))
    target = picture(0, 64)
    ways = [(seed, None) for seed in range(settings.seeds)] + [(0, s) for s in settings.strengths]
    for seed, strength in ways:
        rgb = picture(seed + 1) if strength is None else np.roll(target, int(strength * 4), axis=0)
        png = png_bytes(rgb)
        recipe = Recipe(MODEL, settings.prompt, seed, 20, 7.5, "euler", 64, 64, strength=strength,
                        start_sha256=None if strength is None else subject.pixels_sha256)
        sha = hashlib.sha256(png).hexdigest()
        scores = compare(target, rgb)
        case.commit(Replay(f"{name}-{seed}-{strength}", subject.id, name, recipe, sha, scores, 40, 0.5,
                           hashes={"png": sha}, environment_sha256="e" * 64), blobs={sha: png})
    effort = Effort(len(ways), 40 * len(ways), 4.0)
    case.commit(SearchSummary(name, subject.id, "done", "tiled_l2", "", effort, (), len(ways)))
