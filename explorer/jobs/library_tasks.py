"""Tasks that belong to no case: models, collections, packages and single questions."""

from __future__ import annotations

from dataclasses import dataclass

from explorer.jobs.task import Task
from explorer.records import Recipe


@dataclass(frozen=True)
class EncodeText(Task, kind="device", interactive=True, runner="explorer.worker.runners.run_subjects:encode_text"):
    """CLIP embedding of a text; the job's result is {"embedding": [...], "clip_fingerprint": ...}."""

    text: str
    clip: str = "world"


@dataclass(frozen=True)
class EncodeQuery(Task, kind="device", interactive=True, runner="explorer.worker.runners.run_queries:encode"):
    """CLIP embedding of a subject or of a region of it, with words mixed in if given.

    `box` is (left, top, right, bottom) in [0, 1] of the picture, () the whole. Without `subject_id` it is
    the subject that the job before it made. Result: {"embedding": [...], "clip_fingerprint": ...,
    "side": "image" | "mixed", "subject_id": ...}.
    """

    case_id: str
    subject_id: str = ""
    box: tuple[float, ...] = ()
    text: str = ""
    text_weight: float = 0.5
    clip: str = "world"


@dataclass(frozen=True)
class SearchCollection(Task, kind="desk", interactive=True, runner="explorer.worker.runners.run_neighbours:search"):
    """Works nearest to an embedding: given, or taken from the result of the job that it comes `after`.

    For a service (a collection with an http address): `read_there` has its own CLIP read the words or the
    picture, `hide` names filters of its that are to be on ("duplicates", "unsafe", "violence"), and
    `aesthetic` (0 to 9, -1 for off) shifts the query. The job's result is {"neighbours": [Neighbour as JSON,
    ...], "side": ...}, of a service also "remote": what its filters removed, and a warning about its CLIP.
    """

    collection: str = "world"
    k: int = 24
    embedding: tuple[float, ...] = ()
    read_there: bool = False
    hide: tuple[str, ...] = ()
    aesthetic: int = -1


@dataclass(frozen=True)
class InspectModel(Task, kind="device", runner="explorer.worker.runners.run_models:inspect"):
    """Describe a model (family, fingerprint, size) and load it if `load`; result: ModelInfo as JSON."""

    model: str = "world"
    load: bool = False


@dataclass(frozen=True)
class DownloadModel(Task, kind="desk", runner="explorer.worker.runners.run_downloads:download"):
    """Fetch a model by its hub id; result: {"source": the pinned id, "info": ModelInfo as JSON}.

    `asked`: the person pressed what says that it goes online for this alone; it is let through while offline is on.
    """

    source: str  # owner/name or owner/name@revision
    variant: str = "fp16"  # half-precision weights where there are any; "" for the full ones
    asked: bool = False


@dataclass(frozen=True)
class DownloadClip(Task, kind="desk", runner="explorer.worker.runners.run_downloads:clip"):
    """Fetch a known CLIP into the workspace; result: {"clip": as settings have it, "name": ...}. `asked` as above.
    """

    clip: str
    asked: bool = False


@dataclass(frozen=True)
class TimeReplay(Task, kind="device", runner="explorer.worker.runners.run_timing:timed"):
    """One replay, timed, and CLIP's reading of one picture: what a measured test will take here.

    Without a `model` it is the one that the job before it fetched. Result: {"source": ..., "info": ModelInfo as
    JSON, "timing": Timing as JSON, "path": PNG}.
    """

    model: str = ""
    clip: str = "world"


@dataclass(frozen=True)
class CheckControls(Task, kind="desk", runner="explorer.worker.runners.run_control_check:check"):
    """Whether a folder of controls ("world": the bundled ones) is large enough and like a case's works, told
    without any model.

    `made_after` ("2022-10" or "2022-10-05") is when the model's training had ended. Result: ControlCheck as JSON.
    """

    controls: str
    case: str = ""
    made_after: str = ""


@dataclass(frozen=True)
class TryModel(Task, kind="device", runner="explorer.worker.runners.run_models:attempt"):
    """One replay with the model's own settings, to see that it runs; it belongs to no case.

    Result: {"info": ModelInfo as JSON, "recipe": ..., "path": PNG, "hashes": ..., "flagged": ...,
    "elapsed_s": ...}.
    """

    model: str = "world"
    prompt: str = ""
    seed: int = 0


@dataclass(frozen=True)
class UnloadModels(Task, kind="device", interactive=True, runner="explorer.worker.runners.run_models:unload"):
    """Drop every loaded model and hand its memory back."""


@dataclass(frozen=True)
class BuildCollection(Task, kind="device", runner="explorer.worker.runners.run_embedding:embed"):
    """Embed a folder of images and index it in clip-retrieval's layout (two chained parts)."""

    folder: str
    out: str
    clip: str = "world"
    engine: str = ""  # "local", a Ray cluster's address, or "": the settings'


@dataclass(frozen=True)
class IndexCollection(Task, kind="desk", runner="explorer.worker.runners.run_indexing:index"):
    """The faiss part of BuildCollection."""

    out: str


@dataclass(frozen=True)
class FindDuplicates(Task, kind="desk", runner="explorer.worker.runners.run_duplicates:report"):
    """Group a collection's near copies and write the list without duplicates (CSV) to `out`, or into the workspace.

    With `store` each work's multiplicity is written into a collection that was built here. Result: {"works",
    "distinct", "groups", "by_multiplicity": [[multiplicity, works], ...], "largest": [...], "path", ...}.
    """

    collection: str = "world"
    out: str = ""
    store: bool = False


@dataclass(frozen=True)
class ExtractPrompts(Task, kind="device", runner="explorer.worker.runners.run_extraction:run"):
    """Blind extraction: of a list's prompts the `keep` that stand out in one step, each with many seeds.

    Writes to the folder `out` and goes on there. Prompts whose largest set of mutually near pictures has at
    least `least` members are `found`, with the picture at its centre. Result: {"out", "prompts", "tried",
    "seeds", "unet_evaluations", "found": [...]}. Zeros take the model's defaults.
    """

    list_path: str
    out: str
    model: str = "world"
    screen_seeds: int = 4
    keep: int = 20
    seeds: int = 500
    steps: int = 0
    guidance: float = 0.0
    least: int = 10
    threshold: float = 0.15


@dataclass(frozen=True)
class VerifyPackage(Task, kind="desk", runner="explorer.worker.runners.run_packages:verify"):
    """Check a package's bag, chain and blobs; result: the report as JSON."""

    path: str
    expect: str = ""
    roots: tuple[str, ...] = ()  # PEM files of time-stamp authorities that are trusted


@dataclass(frozen=True)
class ReplayPackage(Task, kind="device", runner="explorer.worker.runners.run_package_replay:replay"):
    """Render a package's exhibits again; result: one verdict an exhibit, with the measured difference."""

    path: str
    model: str = "world"


@dataclass(frozen=True)
class ReplayRecipe(Task, kind="device", runner="explorer.worker.runners.run_recipes:replay"):
    """Render a recipe that belongs to no case; result: its hashes. `start` and `out` are paths, or "".

    `as_loaded`: the recipe is a claim that says nothing of precision, so that the loaded model's is taken.
    """

    recipe: Recipe
    model: str = "world"
    start: str = ""
    out: str = ""
    as_loaded: bool = False


@dataclass(frozen=True)
class ImportPackage(Task, kind="desk", runner="explorer.worker.runners.run_packages:take_in"):
    """Open a package as a read-only case; result: {"case_id": ...}."""

    path: str
    expect: str = ""
