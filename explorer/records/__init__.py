"""The result types that rooms hand to each other: frozen, JSON-friendly, numpy at most.

Every record goes to the case store and into packages by `to_json` and comes back by `from_json`;
tuples become lists on the way and are restored. Arrays never live in records: images and latents
are blobs, named by their SHA-256.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from dataclasses import dataclass, field
from typing import Any

RECIPE_SCHEMA = 1


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
    family: str  # "sd1", "sd2", "sdxl", "other"
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


@dataclass(frozen=True)
class Neighbour:
    """A work of a collection with its similarity to the query (cosine in [-1, 1])."""

    subject_id: str  # "" for a text query
    rank: int  # from 1
    collection: str
    work_id: str
    similarity: float
    title: str = ""
    creator: str = ""
    licence: str = ""
    caption: str = ""
    keywords: str = ""
    source: str = ""  # page or package path of the original
    image_path: str = ""  # absolute path of a local picture; "" for a remote work
    multiplicity: int | None = None
    percentile: float | None = None  # share of unrelated pairs that are less similar, in [0, 100]
    closeness: dict[str, float] = field(default_factory=dict)  # of its picture, once compared: score -> value


@dataclass(frozen=True)
class CopyCheck:
    """What the check at the door found: the work of a collection most like a subject's picture.

    `is_near_copy` says that the likeness reaches `limit`; false is not "original". `compared` is how many
    works' pictures could be looked at; with none, nothing is known. Rates were measured on the bundled
    collection; None where they do not fit it any more.
    """

    subject_id: str
    collection: str
    is_near_copy: bool
    compared: int
    limit: float
    work_id: str = ""
    title: str = ""
    creator: str = ""
    image_path: str = ""
    likeness: float = 0.0  # of signatures, in [-1, 1]
    bits: int = 64  # perceptual hash distance, 0 to 64
    cosine: float | None = None  # CLIP, in [-1, 1]
    by: str = ""  # which way proposed the work: "hash" | "embedding" | "both"
    copies: int | None = None  # near copies of the picture that were found: its multiplicity in the collection
    note: str = ""
    found_rate: float | None = None  # share of planted near copies that are flagged, in [0, 1]
    false_rate: float | None = None  # share of works outside the collection that are flagged, in [0, 1]


@dataclass(frozen=True)
class TermGain:
    """What one term of a prompt adds: the fall in CLIP similarity (or another score) when it is left out.

    In a SignalReading it is one word's influence on the model: the gradient of the prompt's pull, never negative.
    """

    term: str
    gain: float
    tokens: int


@dataclass(frozen=True)
class PromptCandidate:
    """A prompt for a subject. `similarity` is the CLIP cosine; `bits` its length under the stated code."""

    subject_id: str
    rank: int  # from 1
    text: str
    source: str  # "interrogation" | "neighbour caption" | "caption model" | "person" | "gradient"
    mode: str  # "best" | "fast" | "classic" | "negative" | "given"
    similarity: float
    tokens: int
    bits: float
    terms: tuple[TermGain, ...] = ()
    replay_score: float | None = None  # after the generator's rerank: closeness of short replays
    replay_terms: tuple[TermGain, ...] = ()  # what each term adds to that closeness, where it was measured


@dataclass(frozen=True)
class LedgerEntry:
    """Bits that the person supplied from one source, under a stated code."""

    source: str  # "prompt" | "seeds" | "settings" | "starting image" | "noise" | "rounds"
    bits: float
    code: str  # one plain sentence: how the bits were counted


@dataclass(frozen=True)
class Effort:
    """What a search spent."""

    tries: int = 0
    unet_evaluations: int = 0
    elapsed_s: float = 0.0

    def plus(self, other: Effort) -> Effort:
        return Effort(self.tries + other.tries, self.unet_evaluations + other.unet_evaluations,
                      self.elapsed_s + other.elapsed_s)


@dataclass(frozen=True)
class Replay:
    """A recipe, the image that it made, and how close that came."""

    id: str
    subject_id: str
    search_id: str
    recipe: Recipe
    image_sha256: str  # PNG blob
    closeness: dict[str, float]  # score name -> value; see closeness/catalogue.py
    unet_evaluations: int
    elapsed_s: float
    exhibit: bool = False  # rendered at batch 1 in deterministic mode
    hashes: dict[str, str] = field(default_factory=dict)  # noise, latents, array, png (SHA-256)
    environment_sha256: str = ""
    flagged: bool = False  # by the model's own safety checker: blurred until asked for, scores kept


@dataclass(frozen=True)
class SearchSummary:
    """One finished or stopped search over replays for a subject."""

    id: str
    subject_id: str
    state: str  # "done" | "cancelled" | "stopped"
    primary_score: str
    best_replay_id: str
    effort: Effort
    ledger: tuple[LedgerEntry, ...]
    planned_tries: int
    ended_by: str = ""  # the stop rule that ended it: "tries" | "time" | "closeness" | "no gain"
    starters: int = 0  # seeds that a race began with; 0 where every try was run to its end
    loss_upper: float | None = None  # upper 95% limit of the chance that the race dropped the best; None: unknown
    floor: dict[str, float] = field(default_factory=dict)  # closeness of the subject after the model's autoencoder


@dataclass(frozen=True)
class ModelInfo:
    """What a model is, for the screen; made without loading it where `loaded` is false."""

    source: str
    name: str
    family: str
    fingerprint: str
    licence: str
    size_bytes: int
    default_size_px: int
    default_steps: int
    default_guidance: float
    loaded: bool = False
    device: str = ""
    precision: str = ""
    memory_bytes: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CollectionInfo:
    source: str
    name: str
    works: int
    clip: str
    fingerprint: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """One overwritten row a job: where a task stands. Never part of the log."""

    done: int
    total: int
    message: str = ""
    step: int = 0
    steps: int = 0
    left_s: float | None = None
    best_replay_id: str = ""
    preview_png: bytes = b""


def to_json(record: Any) -> Any:
    """A record as plain JSON values (tuples as lists, bytes refused)."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_json(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, dict):
        return {str(k): to_json(v) for k, v in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_json(v) for v in record]
    if isinstance(record, bytes):
        raise TypeError("records hold no bytes; store a blob and keep its SHA-256")
    return record


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """The fields' types; resolving their names anew for each record would take most of a read's time."""
    return typing.get_type_hints(kind)


def from_json(kind: Any, value: Any) -> Any:
    """The record of type `kind` that `to_json` turned into `value`.

    TypeError for unknown keys and for values of another type, ValueError for numbers out of range: what is
    read may come from the other side's package.
    """
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(kind) if a is not type(None)]
        return None if value is None else from_json(inner[0], value)
    if origin is tuple:
        return tuple(from_json(typing.get_args(kind)[0], v) for v in _of(list, value))
    if origin is dict:
        return {k: from_json(typing.get_args(kind)[1], v) for k, v in _of(dict, value).items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        unknown = set(_of(dict, value)) - set(hints)
        if unknown:
            raise TypeError(f"{kind.__name__} has no field {sorted(unknown)[0]!r}")
        return kind(**{k: from_json(hints[k], v) for k, v in value.items()})
    return value if kind is Any else _of(kind, value)


def _of(kind: type, value: Any) -> Any:
    """The value itself, if it is of the type; a whole number, which lost its point in JSON, as a float."""
    if kind is float and type(value) is int:
        if abs(value) > 2**1000:
            raise ValueError("a number is too large")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{str(value)[:40]!r} stands where {kind.__name__} belongs")
    return value
