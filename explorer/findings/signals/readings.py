"""What was measured of a prompt, as a record of a case; light enough for screens."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.records import ModelRef, TermGain


@dataclass(frozen=True)
class SignalReading:
    """Every signal of one prompt on one model: means over seeds; see the catalogue for their meaning.

    `values` have no scale of their own: what is high is known only beside other prompts of the same model
    at the same settings. Blobs are PNGs of the first seed's picture and of it under the end token's mask.
    """

    id: str  # prompt, model and settings together
    subject_id: str
    prompt: str
    model: ModelRef
    seeds: tuple[int, ...]
    steps: int
    guidance: float
    values: dict[str, float]
    unet_evaluations: int
    elapsed_s: float
    words: tuple[TermGain, ...] = field(default=())  # influence of each word, Wen et al. 2024
    image_blob: str = ""
    mask_blob: str = ""
