"""A workspace with one case in it, made from records: a subject, neighbours, prompts and replays."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.closeness.pixel_scores import compare
from explorer.images.decode import png_bytes
from explorer.records import (
    Effort,
    LedgerEntry,
    ModelRef,
    Neighbour,
    PromptCandidate,
    Recipe,
    Replay,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    TermGain,
    to_json,
)

SIZE = 64
MODEL = ModelRef("world", "f" * 64, "sd1")
SEARCH = "5ea7c4" + "0" * 10


def picture(seed: int = 0, *, noise: float = 0.0) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8: a drawing with round and square shapes, and noise over it."""
    y, x = np.mgrid[:SIZE, :SIZE]
    rgb = np.full((SIZE, SIZE, 3), 255.0)
    rgb[(x - 24) ** 2 + (y - 30) ** 2 < 260] = (200, 60, 40)
    rgb[(x > 36) & (x < 56) & (y > 12) & (y < 44)] = (40, 90, 150)
    rgb += np.random.default_rng(seed).normal(0, 255 * noise, rgb.shape)
    return rgb.clip(0, 255).astype(np.uint8)


def replay(number: int, subject_id: str, *, strength: float | None = None,
           start: str = "") -> tuple[Replay, bytes]:
    """A replay with its picture; the higher the number the farther from the subject."""
    rgb = picture(number, noise=0.01 + 0.02 * number)
    png = png_bytes(rgb)
    recipe = Recipe(MODEL, "a red ball and a blue box", number, 20, 7.5, "euler", SIZE, SIZE,
                    strength=strength, start_sha256=start if strength is not None else None)
    return Replay(f"replay{number:04d}", subject_id, SEARCH, recipe, hashlib.sha256(png).hexdigest(),
                  compare(picture(), rgb) | {"clip_cosine": 0.9 - 0.01 * number}, 40, 0.5), png


def fill(home: Path, *, replays: int = 12) -> tuple[Case, str]:
    """Writes the case into the workspace at `home`; returns it open, and its subject's id."""
    (home / "cases").mkdir(parents=True, exist_ok=True)
    case = CaseStore(home / "cases").create("A ball and a box", question="Does it come back?",
                                            case_number="7/26")
    subject = case.add_subject(png_bytes(picture()), "ball.png")
    settings = ReplaySettings(prompt="a red ball and a blue box", seeds=replays - 3,
                              strengths=(0.2, 0.4, 0.6))
    case.commit(SearchPlan(SEARCH, subject.id, to_json(settings), MODEL, "c" * 64, "e" * 64, replays))
    for n in range(replays):
        given = (0.2, 0.4, 0.6)[n] if n < 3 else None
        made, png = replay(n, subject.id, strength=given, start=subject.pixels_sha256)
        case.commit(made, blobs={made.image_sha256: png})
    ledger = (LedgerEntry("prompt", 38.0, "9 words among 4,000"),)
    case.commit(SearchSummary(SEARCH, subject.id, "done", "tiled_l2", "replay0000", Effort(replays, 480, 6.0),
                              ledger, replays))
    terms = (TermGain("red ball", 0.05, 2), TermGain("blue box", 0.03, 2))
    case.commit(PromptCandidate(subject.id, 1, settings.prompt, "interrogation", "best", 0.31, 9, 38.0, terms))
    case.commit_all([neighbour(subject.id, n) for n in range(1, 7)])
    return case, subject.id


def neighbour(subject_id: str, rank: int) -> Neighbour:
    """A work with a title and an artist, a name that Markdown would take for something else among them."""
    creator = "A. *Painter* <b>bold</b>" if rank == 1 else f"Artist {rank}"
    return Neighbour(subject_id, rank, "world", f"work-{rank}", 0.9 - 0.05 * rank, f"Work {rank}", creator,
                     "Public domain", f"work {rank}, by {creator}", "", "source", "", 4 ** (rank % 4), 99.0)
