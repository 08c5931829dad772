"""The typed tasks that screens and the command line put on the queue; small values, JSON-friendly.

`KIND` says which worker runs a task: "device" owns torch and the models, "desk" has no torch and does
faiss, metadata and files. `INTERACTIVE` tasks are short and may interrupt a long one between two
sampler steps. A chain (`after=`) runs only when the job before it has ended well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from explorer.jobs.policy import Policy
from explorer.records import Recipe, from_json, to_json


@dataclass(frozen=True)
class StopRules:
    """When a search ends before its plan is through; 0 (or None) means no such rule."""

    tries: int = 0
    seconds: float = 0.0  # of computing
    closeness: float | None = None  # of the primary score, or closer
    no_gain: int = 0  # tries in a row without a closer one


@dataclass(frozen=True)
class ReplaySettings:
    """What a search replays: the grid seeds × strengths × guidance × steps × schedulers of one prompt.

    `mode` says how: every recipe to its end ("exhaustive"), dropping the seeds that fall behind ("race"),
    small steps around the replay `parent` in `rounds` of `options` ("closer"), or from `parent`'s noise
    changed by gradient ("noise").
    """

    prompt: str
    negative_prompt: str = ""
    first_seed: int = 0
    seeds: int = 16
    strengths: tuple[float, ...] = ()  # img2img from the subject, besides txt2img seeds
    strength_seeds: int = 1
    steps: tuple[int, ...] = (0,)  # 0: the model's default
    guidances: tuple[float, ...] = (0.0,)  # 0: the model's default
    schedulers: tuple[str, ...] = ("euler",)
    width_px: int = 0  # 0: the model's default
    height_px: int = 0
    primary_score: str = "tiled_l2"
    mode: str = "exhaustive"
    stop: StopRules = StopRules()
    parent: str = ""
    rounds: int = 0
    options: int = 0
    dialect: str = "plain"  # what brackets in the prompts mean; see diffusion/dialects.py


@dataclass(frozen=True)
class EmbedSubject:
    """CLIP embedding of a subject into its case."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    clip: str = "world"


@dataclass(frozen=True)
class FindNeighbours:
    """Nearest works of a collection to a subject that was embedded before (needs EmbedSubject)."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    collection: str = "world"
    clip: str = "world"
    k: int = 24


@dataclass(frozen=True)
class CompareNeighbours:
    """Pixel and learned closeness of a subject's stored neighbours, where their pictures are at hand."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str


@dataclass(frozen=True)
class CheckCopy:
    """The check at the door: a subject's nearest works, and whether one is a near copy of it.

    Comes after EncodeQuery, which names the subject; the job's result is the CopyCheck as JSON.
    """

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    collection: str = "world"
    k: int = 24


@dataclass(frozen=True)
class Interrogate:
    """Prompts for a subject; the captions of its stored neighbours enter as candidates.

    The first `rerank` of them are judged by short replays of `model` ("": the settings' model); 0: by CLIP only.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    clip: str = "world"
    mode: str = "best"
    collection: str = "world"
    lists: tuple[str, ...] = ("collection",)
    own_terms: tuple[str, ...] = ()
    banned: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    neighbour_captions: bool = True
    rerank: int = 0
    model: str = ""


@dataclass(frozen=True)
class RunSearch:
    """Replays for a subject, each scored and committed as it is made. Prompt "" takes the best found."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    search_id: str
    settings: ReplaySettings
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class MeasureSubject:
    """A measured test of a subject: prompt, search and ranking among `controls` ("world", a folder, "" none)."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    search_id: str
    policy: Policy = field(default_factory=Policy)
    controls: str = "world"
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class MeasureControls:
    """A folder of images that the model cannot have seen, each put through one policy; kept in the cache.

    With a case its ControlResults go on record there. Result: {"id": ..., "controls": ..., "out": ...}.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    controls: str
    policy: Policy = field(default_factory=Policy)
    case_id: str = ""
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class GenerateSubject:
    """A new subject made by the model from a prompt; its recipe goes on record with it."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    settings: ReplaySettings
    model: str = "world"


@dataclass(frozen=True)
class RenderExhibit:
    """A stored replay rendered again at batch 1 in deterministic mode, with its hashes."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    replay_id: str
    model: str = "world"


@dataclass(frozen=True)
class RecoverSeed:
    """Whether the noise of a seed from `first` to `stop` - 1 shows in the subject; result: a SeedScan as JSON."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    scan_id: str
    first: int = 0
    stop: int = 1_000_000
    sources: tuple[str, ...] = ("torch-cpu",)
    model: str = "world"


@dataclass(frozen=True)
class EncodeText:
    """CLIP embedding of a text; the job's result is {"embedding": [...], "clip_fingerprint": ...}."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = True
    text: str
    clip: str = "world"


@dataclass(frozen=True)
class EncodeQuery:
    """CLIP embedding of a subject or of a region of it, with words mixed in if given.

    `box` is (left, top, right, bottom) in [0, 1] of the picture, () the whole. Without `subject_id` it is
    the subject that the job before it made. Result: {"embedding": [...], "clip_fingerprint": ...,
    "side": "image" | "mixed", "subject_id": ...}.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = True
    case_id: str
    subject_id: str = ""
    box: tuple[float, ...] = ()
    text: str = ""
    text_weight: float = 0.5
    clip: str = "world"


@dataclass(frozen=True)
class SearchCollection:
    """Works nearest to an embedding: given, or taken from the result of the job that it comes `after`.

    The job's result is {"neighbours": [Neighbour as JSON, ...]}.
    """

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = True
    collection: str = "world"
    k: int = 24
    embedding: tuple[float, ...] = ()


@dataclass(frozen=True)
class InspectModel:
    """Describe a model (family, fingerprint, size) and load it if `load`; result: ModelInfo as JSON."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    model: str = "world"
    load: bool = False


@dataclass(frozen=True)
class DownloadModel:
    """Fetch a model by its hub id; result: {"source": the pinned id, "info": ModelInfo as JSON}."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    source: str  # owner/name or owner/name@revision
    variant: str = "fp16"  # half-precision weights where there are any; "" for the full ones


@dataclass(frozen=True)
class TryModel:
    """One replay with the model's own settings, to see that it runs; it belongs to no case.

    Result: {"info": ModelInfo as JSON, "recipe": ..., "path": PNG, "hashes": ..., "flagged": ...,
    "elapsed_s": ...}.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    model: str = "world"
    prompt: str = ""
    seed: int = 0


@dataclass(frozen=True)
class UnloadModels:
    """Drop every loaded model and hand its memory back."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = True


@dataclass(frozen=True)
class BuildCollection:
    """Embed a folder of images and index it in clip-retrieval's layout (two chained parts)."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    folder: str
    out: str
    clip: str = "world"


@dataclass(frozen=True)
class IndexCollection:
    """The faiss part of BuildCollection."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    out: str


@dataclass(frozen=True)
class ExportCase:
    """Write a case as a package; result: {"path": ..., "sha256": ...}."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    out: str = ""


@dataclass(frozen=True)
class WriteReport:
    """A case's report as "html" or "pdf", for the log head of that number (0: the newest).

    Result: {"path": ..., "sha256": ..., "head_entry": ..., "head_hash": ...}.
    """

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    kind: str = "html"
    detail: str = "full"  # "short": no appendix of every try
    prepared_by: str = ""
    logo_blob: str = ""  # PNG blob of the case
    head: int = 0


@dataclass(frozen=True)
class VerifyPackage:
    """Check a package's bag, chain and blobs; result: the report as JSON."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    path: str
    expect: str = ""
    roots: tuple[str, ...] = ()  # PEM files of time-stamp authorities that are trusted


@dataclass(frozen=True)
class ReplayPackage:
    """Render a package's exhibits again; result: one verdict an exhibit, with the measured difference."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    path: str
    model: str = "world"


@dataclass(frozen=True)
class ReplayRecipe:
    """Render a recipe that belongs to no case; result: its hashes. `start` and `out` are paths, or ""."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    recipe: Recipe
    model: str = "world"
    start: str = ""
    out: str = ""


@dataclass(frozen=True)
class MeasureSignals:
    """Memorisation signals: of a subject's prompt into its case, or of a list's prompts into a CSV.

    With a case the result is the SignalReading's id; with `list_path` and `out` (CSV, gone on with where it
    ended) it is {"out": ..., "prompts": ..., "repeated": ...}. Zeros take the model's defaults; no signals: all.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str = ""
    subject_id: str = ""
    prompt: str = ""  # "" takes the subject's prompt in use
    model: str = "world"
    seeds: int = 4
    first_seed: int = 0
    steps: int = 0
    guidance: float = 0.0
    signals: tuple[str, ...] = ()
    list_path: str = ""
    against_path: str = ""  # prompts known not to be memorised, to measure the signals' accuracy on
    out: str = ""


@dataclass(frozen=True)
class ImportPackage:
    """Open a package as a read-only case; result: {"case_id": ...}."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    path: str
    expect: str = ""


TASKS = {t.__name__: t for t in (
    EmbedSubject, FindNeighbours, CompareNeighbours, CheckCopy, Interrogate, RunSearch,
    MeasureSubject, MeasureControls, GenerateSubject, RecoverSeed, RenderExhibit, EncodeText, EncodeQuery,
    SearchCollection, InspectModel, DownloadModel, TryModel, UnloadModels, BuildCollection,
    IndexCollection, ExportCase, WriteReport, VerifyPackage, ReplayPackage, ReplayRecipe, ImportPackage,
    MeasureSignals)}


def task_to_json(task: Any) -> dict[str, Any]:
    return {"task": type(task).__name__, **to_json(task)}


def task_from_json(value: dict[str, Any]) -> Any:
    """The task that `task_to_json` wrote; KeyError for an unknown kind, TypeError for unknown fields."""
    fields = dict(value)
    return from_json(TASKS[fields.pop("task")], fields)


__all__ = [*TASKS, "TASKS", "ReplaySettings", "task_from_json", "task_to_json"]
