"""All that makes one image, its digest, and what it started from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from explorer.records.canonical import digest
from explorer.records.json_form import LATER

if TYPE_CHECKING:
    from explorer.records.subject import Subject

RECIPE_SCHEMA = 1


class Start(StrEnum):
    """What an image started from: a seed's noise, the subject's picture, another one, or what was made for it."""

    NOISE = "noise"
    SUBJECT = "subject"
    REPLAY = "replay"  # another replay's picture, or any that is not the subject's
    OPTIMISED = "optimised"
    FITTED = "fitted"  # a seed's own noise, under words that were fitted to the subject by gradient

    @classmethod
    def of(cls, start_sha256: str | None, noise_blob: str | None, subject: Subject | None,
           embedding_blob: str | None = None) -> Start:
        """The start of a recipe with this starting image, stored noise and words, in a search for `subject`."""
        if start_sha256 is not None:
            own = (subject.pixels_sha256, subject.sha256) if subject else ()
            return cls.SUBJECT if start_sha256 in own else cls.REPLAY
        if noise_blob is not None:
            return cls.OPTIMISED
        return cls.NOISE if embedding_blob is None else cls.FITTED


@dataclass(frozen=True)
class Adapter:
    """A LoRA or textual inversion laid over a model; `weight` multiplies its effect."""

    name: str
    sha256: str
    kind: str  # "lora" | "textual-inversion"
    weight: float = 1.0


@dataclass(frozen=True)
class ModelRef:
    """Which weights: `fingerprint` is a SHA-256 over every weight and config file."""

    source: str  # "world", a folder, a file, or a hub id with "@revision"
    fingerprint: str
    family: str  # as the catalogue of families has it
    adapters: tuple[Adapter, ...] = ()


@dataclass(frozen=True)
class Variation:
    """A1111's variation: slerp from noise(seed) to noise(subseed) by `strength` in [0, 1]."""

    subseed: int
    strength: float


@dataclass(frozen=True)
class Recipe:
    """All that makes one image; the same recipe and environment give the same bytes."""

    model: ModelRef
    prompt: str
    seed: int
    steps: int
    guidance: float
    scheduler: str  # "euler" | "euler_a" | "ddim" | "dpmpp_2m" | "pndm"
    width_px: int
    height_px: int
    negative_prompt: str = ""
    dialect: str = "plain"  # prompt weighting: "a1111" | "comfyui"; "plain": brackets are ordinary text
    clip_skip: int = 0
    noise_source: str = "torch-cpu"  # "torch-cpu" | "cuda-philox" | "a1111-nv-philox"
    variation: Variation | None = None
    noise_blob: str | None = None  # SHA-256 of optimised or inverted noise, float32
    scheduler_config: dict[str, Any] = field(default_factory=dict)
    eta: float = 0.0
    precision: str = "float32"
    start_sha256: str | None = None  # starting image (img2img); null without one
    strength: float | None = None  # in (0, 1]; null without a starting image
    not_replayable: tuple[str, ...] = ()  # parts of an imported recipe that cannot be replayed
    schema: int = RECIPE_SCHEMA
    # SHA-256 of the code of an embedding in place of the prompt's, see diffusion/fitted_words.py
    embedding_blob: str | None = field(default=None, metadata={LATER: True})

    def start(self, subject: Subject) -> Start:
        """What this image started from, in a search for `subject`; derived, and so no part of the JSON."""
        return Start.of(self.start_sha256, self.noise_blob, subject, self.embedding_blob)


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 (hex) of a recipe's RFC 8785 JSON, which names it: equal recipes have equal digests everywhere."""
    return digest(recipe)
