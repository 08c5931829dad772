"""Tasks that work on one case: its subjects, replays, tests, report and package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from explorer.records.policy import Policy
from explorer.records.replay_settings import ReplaySettings


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
    """Replays for a subject, each scored and committed as it is made. Prompt "" takes the best found.

    `engine` is "local" or a Ray cluster's address; "" takes the settings'.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    subject_id: str
    search_id: str
    settings: ReplaySettings
    model: str = "world"
    clip: str = "world"
    engine: str = ""


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
class MeasureStart:
    """The shortest code of what a replay was given (its image, or its noise) that does the same job.

    Result: StartBill as JSON; the ledger then charges it in place of its bound.
    """

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    replay_id: str
    model: str = "world"
    score: str = "tiled_l2"


@dataclass(frozen=True)
class AlignReplay:
    """A replay laid over its subject by `options` (shift, scale, mirror, colour), and its scores after that."""

    KIND: ClassVar[str] = "device"
    INTERACTIVE: ClassVar[bool] = True
    case_id: str
    replay_id: str
    options: tuple[str, ...] = ("shift", "scale", "mirror", "colour")


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
class ExportCase:
    """Write a case as a package; result: {"path": ..., "sha256": ...}."""

    KIND: ClassVar[str] = "desk"
    INTERACTIVE: ClassVar[bool] = False
    case_id: str
    out: str = ""
