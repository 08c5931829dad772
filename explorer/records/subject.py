"""The image under test."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.records.recipe import Recipe


@dataclass(frozen=True)
class Subject:
    """The image under test. `sha256` is of its original bytes; `pixels_sha256` names the decoded PNG."""

    id: str
    name: str
    sha256: str
    pixels_sha256: str
    format: str
    width_px: int
    height_px: int
    origin: str  # "upload" | "generated" | "example"
    notes: tuple[str, ...] = ()  # what decoding had to do (rotated by EXIF, alpha on white, ...)
    recipe: Recipe | None = None  # for a generated subject
    caption: str = ""  # the person's own words for it, if given
    work_id: str = ""  # the world's work that it is, if it was taken from there


@dataclass(frozen=True)
class Embedding:
    """A CLIP embedding of a subject: `blob` holds (d,) float32, L2-normalised."""

    subject_id: str
    clip_fingerprint: str
    blob: str
    dim: int
