"""Tasks that work on one case: its subjects, replays, tests, report and package."""

from __future__ import annotations

from dataclasses import dataclass, field

from explorer.jobs.task import Task
from explorer.records import ReplaySettings
from explorer.records.incidence_settings import IncidenceSettings
from explorer.records.policy import Policy


@dataclass(frozen=True)
class EmbedSubject(Task, kind="device", runner="explorer.worker.runners.run_subjects:embed"):
    """CLIP embedding of a subject into its case."""

    case_id: str
    subject_id: str
    clip: str = "world"


@dataclass(frozen=True)
class FindNeighbours(Task, kind="desk", runner="explorer.worker.runners.run_neighbours:find"):
    """Nearest works of a collection to a subject that was embedded before (needs EmbedSubject)."""

    case_id: str
    subject_id: str
    collection: str = "world"
    clip: str = "world"
    k: int = 24


@dataclass(frozen=True)
class FindNamedFiles(Task, kind="desk", interactive=True, runner="explorer.worker.runners.run_named_files:look"):
    """The model and adapters that a subject's embedded settings name, looked for among the files here.

    Result: NamedFiles as JSON.
    """

    case_id: str
    subject_id: str
    model: str = "world"


@dataclass(frozen=True)
class CompareNeighbours(Task, kind="device", runner="explorer.worker.runners.run_queries:compare"):
    """Pixel and learned closeness of a subject's stored neighbours, where their pictures are at hand."""

    case_id: str
    subject_id: str


@dataclass(frozen=True)
class CheckCopy(Task, kind="desk", runner="explorer.worker.runners.run_neighbours:check"):
    """The check at the door: a subject's nearest works, and whether one is a near copy of it.

    Comes after EncodeQuery, which names the subject; the job's result is the CopyCheck as JSON.
    """

    case_id: str
    collection: str = "world"
    k: int = 24


@dataclass(frozen=True)
class Interrogate(Task, kind="device", runner="explorer.worker.runners.run_subjects:interrogate"):
    """Prompts for a subject; the captions of its stored neighbours enter as candidates.

    The first `rerank` of them are judged by short replays of `model` ("": the settings' model); 0: by CLIP only.
    """

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
class RunSearch(Task, kind="device", runner="explorer.worker.runners.run_replays:search"):
    """Replays for a subject, each scored and committed as it is made. Prompt "" takes the best found.

    `engine` is "local" or a Ray cluster's address; "" takes the settings'.
    """

    case_id: str
    subject_id: str
    search_id: str
    settings: ReplaySettings
    model: str = "world"
    clip: str = "world"
    engine: str = ""


@dataclass(frozen=True)
class MeasureSubject(Task, kind="device", runner="explorer.worker.runners.run_measured:subject"):
    """A measured test of a subject: prompt, search and ranking among `controls` ("world", a folder, "" none)."""

    case_id: str
    subject_id: str
    search_id: str
    policy: Policy = field(default_factory=Policy)
    controls: str = "world"
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class MeasureControls(Task, kind="device", runner="explorer.worker.runners.run_measured:controls"):
    """A folder of images that the model cannot have seen, each put through one policy; kept in the cache.

    With a case its ControlResults go on record there. Result: {"id": ..., "controls": ..., "out": ...}.
    """

    controls: str
    policy: Policy = field(default_factory=Policy)
    case_id: str = ""
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class GenerateSubject(Task, kind="device", runner="explorer.worker.runners.run_replays:generate"):
    """A new subject made by the model from a prompt; its recipe goes on record with it."""

    case_id: str
    settings: ReplaySettings
    model: str = "world"


@dataclass(frozen=True)
class RenderExhibit(Task, kind="device", runner="explorer.worker.runners.run_replays:again"):
    """A stored replay rendered again at batch 1 in deterministic mode, with its hashes."""

    case_id: str
    replay_id: str
    model: str = "world"


@dataclass(frozen=True)
class MeasureStart(Task, kind="device", runner="explorer.worker.runners.run_after_replay:start"):
    """The shortest code of what a replay was given (its image, or its noise) that does the same job.

    Result: StartBill as JSON; the ledger then charges it in place of its bound.
    """

    case_id: str
    replay_id: str
    model: str = "world"
    score: str = "tiled_l2"


@dataclass(frozen=True)
class AlignReplay(Task, kind="device", interactive=True, runner="explorer.worker.runners.run_after_replay:aligned"):
    """A replay laid over its subject by `options` (shift, scale, mirror, colour), and its scores after that."""

    case_id: str
    replay_id: str
    options: tuple[str, ...] = ("shift", "scale", "mirror", "colour")


@dataclass(frozen=True)
class RecoverSeed(Task, kind="device", runner="explorer.worker.runners.run_recovery:recover"):
    """Whether the noise of a seed from `first` to `stop` - 1 shows in the subject; result: a SeedScan as JSON."""

    case_id: str
    subject_id: str
    scan_id: str
    first: int = 0
    stop: int = 1_000_000
    sources: tuple[str, ...] = ("torch-cpu",)
    model: str = "world"


@dataclass(frozen=True)
class NameModel(Task, kind="device", runner="explorer.worker.runners.run_which_model:ask"):
    """Which of `models` made a subject, or none of them; result: the WhichModel as JSON.

    Each makes `pictures` pictures from the prompts in the file `prompts_blob` of the case ("": captions of the
    bundled control works). `others` are pictures that none of them made: "world" (those works) or a folder.
    """

    case_id: str
    subject_id: str
    test_id: str
    models: tuple[str, ...]
    others: str = "world"
    prompts_blob: str = ""
    pictures: int = 39


@dataclass(frozen=True)
class MeasureSignals(Task, kind="device", runner="explorer.worker.runners.run_signals:measure_signals"):
    """Memorisation signals: of a subject's prompt into its case, or of a list's prompts into a CSV.

    With a case the result is the SignalReading's id; with `list_path` and `out` (CSV, gone on with where it
    ended) it is {"out": ..., "prompts": ..., "repeated": ...}. Zeros take the model's defaults; no signals: all.
    """

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
class RunIncidence(Task, kind="device", runner="explorer.worker.runners.run_incidence:run"):
    """How often near copies of protected works come back over declared populations of prompts.

    Declares, draws, and commits each prompt's outcome as it comes; goes on where it stopped. Result: the
    estimates as JSON. `engine` as for RunSearch.
    """

    case_id: str
    incidence_id: str
    settings: IncidenceSettings
    model: str = "world"
    clip: str = "world"
    engine: str = ""


@dataclass(frozen=True)
class WriteReport(Task, kind="desk", runner="explorer.worker.runners.run_reports:write"):
    """A case's report as "html" or "pdf", for the log head of that number (0: the newest), its data beside it.

    With `replay_id` the exhibit sheet of that replay instead, without data. Result: {"path": ..., "sha256": ...,
    "head_entry": ..., "data_path": ...}, the last "" for a sheet.
    """

    case_id: str
    kind: str = "html"
    detail: str = "full"  # "short": no appendix of every try
    prepared_by: str = ""
    logo_blob: str = ""  # PNG blob of the case
    head: int = 0
    language: str = ""  # of the report; "" for English
    replay_id: str = ""


@dataclass(frozen=True)
class ExportCase(Task, kind="desk", runner="explorer.worker.runners.run_packages:export"):
    """Write a case as a package; result: {"path": ..., "sha256": ...}."""

    case_id: str
    out: str = ""


@dataclass(frozen=True)
class MeasureFamiliarity(Task, kind="device", runner="explorer.worker.runners.run_familiarity:subject"):
    """Whether the model knows a subject: its error with words and without, ranked among `controls`.

    `words` is "caption", "recovered" or "fitted"; "" takes the caption where there is one. `controls` is "world", a
    folder ("" none). Result: the FamiliarityTest as JSON.
    """

    case_id: str
    subject_id: str
    test_id: str
    words: str = ""
    controls: str = "world"
    model: str = "world"
    clip: str = "world"


@dataclass(frozen=True)
class MeasureKnownControls(Task, kind="device", runner="explorer.worker.runners.run_familiarity:controls"):
    """A folder of images that the model cannot have seen, each put through one plan of familiarity; kept as lines.

    Each file in a folder of its own within it is taken for the work of the artist whom that folder names. Result:
    {"id": ..., "controls": ..., "artists": ...}.
    """

    controls: str
    words: str = "recovered"
    model: str = "world"
    clip: str = "world"
    engine: str = ""


@dataclass(frozen=True)
class MeasureBody(Task, kind="desk", runner="explorer.worker.runners.run_body_of_work:test"):
    """A case's works tested together, by what their tests of familiarity, or of coming back, found.

    `one_artist` takes all works for one artist's. Result: the BodyTests as JSON.
    """

    case_id: str
    one_artist: bool = True
