"""Finished cases of a world, one story each: run once with the real tasks, kept as small packages.

A package is opened as a read-only case, so the screens show it at once; running it again live gives the
same recipes. `cases.json` beside the packages quotes the world's fingerprint and each case's figures.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from explorer.cases.case import Case, Environment, SearchPlan
from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.findings.finding import ControlResults, Finding, Measured
from explorer.findings.series import best
from explorer.jobs import flows, foreground
from explorer.jobs.policy import Policy
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import ReplaySettings
from explorer.records import Embedding, Neighbour, PromptCandidate, Replay, SearchSummary, Subject
from explorer.settings import ASSETS, Settings
from explorer.world.examples import read_examples
from explorer.world.files import fingerprint, write_json

FOLDER = ASSETS / "examples"
FILE_NAME = "cases.json"
SCORE = "tiled_l2"
AGAIN = "Run `python -m explorer world examples`."
EFFORT = {"steps": (12,), "guidances": (2.0,), "schedulers": ("ddim",)}  # as in the world's card
SEEDS = {"seeds": 16, "strengths": (0.3, 0.6)}
SHOWN = {"seeds": 7, "strengths": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)}
# Story → the example whose work it takes, or a work's id that must not have been in training; title;
# question; what is replayed.
PLANS: dict[str, tuple[str, str, str, dict]] = {
    "comes_back": ("copied", "The work that comes back",
                   "Does a work that the model saw very often come back from its own words?", SEEDS),
    "same_artist": ("held_out", "The same artist's work that does not",
                    "Does a work come back that the model never saw, by an artist whose other work it saw?",
                    SEEDS),
    "shown_the_answer": ("control", "Anything comes back if you show it the answer",
                         "How close does a work come that was never in training, when it is itself given?",
                         SHOWN),
    "never_in_training": ("oca-d166aaa3", "Never in training, and yet",
                          "Can a work that the model never saw be met closely from noise?", SEEDS),
}


@dataclass(frozen=True)
class Told:
    """One finished case: its package beside `cases.json`, and the figures that its story quotes.

    `noise` and `given` are the closest tiled distances (0 to 1, lower is closer) from plain noise and when
    given the subject at `strength`; `neighbour_*` is the nearest other work of the collection.
    """

    story: str
    title: str
    file: str
    sha256: str
    head: str
    work_id: str
    work_title: str
    creator: str
    multiplicity: int
    replays: int
    noise: float
    noise_replay: str
    noise_seed: int
    given: float
    given_replay: str
    strength: float
    neighbour_title: str
    neighbour_creator: str
    neighbour_multiplicity: int
    similarity: float
    computing_s: float

    def package(self, folder: Path = FOLDER) -> Path:
        """The package's place."""
        return folder / self.file


def build(settings: Settings, *, world: Path, out: Path = FOLDER, only: str = "",
          follow: Callable[..., None] | None = None) -> list[Told]:
    """Runs every story (or one) on the world and writes the packages and `cases.json`; returns the stories.

    Minutes without a graphics card. ExplorerError where a task failed or a story's work is missing.
    """
    works, out = _works(world), out.resolve()
    kept = {t.story: t for t in read(out, world=fingerprint(world))} if only else {}
    for story in [only] if only else PLANS:
        with tempfile.TemporaryDirectory() as folder:
            kept[story] = _one(settings, story, works[story], world, Path(folder), out, follow)
        ordered = [asdict(kept[s]) for s in PLANS if s in kept]
        write_json(out / FILE_NAME, {"world": fingerprint(world), "cases": ordered})
    return [kept[s] for s in PLANS if s in kept]


def _works(world: Path) -> dict[str, dict]:
    """The manifest's row for each story; works named by id must be held out, else the look-alike is taken."""
    import pyarrow.parquet as pq
    rows = {r["id"]: r for r in pq.read_table(world / "manifest.parquet").to_pylist()}
    picked = {e.story: e.id for e in read_examples(world)}
    found = {}
    for story, (source, *_) in PLANS.items():
        named = source in rows and rows[source]["split"] != "train"
        work = source if named else picked.get(source, picked.get("stranger", ""))
        if work not in rows:
            raise ExplorerError(f"This world has no work for the story {story!r}. "
                                "Run `python -m explorer world derive` first.")
        found[story] = rows[work]
    return found


def _one(settings: Settings, story: str, row: dict, world: Path, folder: Path, out: Path,
         follow: Callable[..., None] | None) -> Told:
    _, title, question, what = PLANS[story]
    case = CaseStore(settings.cases).create(title, question=question)
    subject = case.add_subject((world / row["image"]).read_bytes(), f"{row['title']}.webp", origin="example",
                               caption=row["caption"], work_id=row["id"])
    queue = Queue(settings.database)
    flow = flows.investigate(queue, case.id, subject.id, k=12, policy=Policy(prompt_from="caption"),
                             settings=ReplaySettings(prompt=row["caption"], **EFFORT, **what))
    foreground.follow_jobs(settings, flow.jobs, follow=follow)
    clean = _without_paths(case, subject, CaseStore(folder), title, question)
    from explorer.cases.export import export_case  # the screens read stories and need none of it
    file = f"{story}.zip"
    made = export_case(clean, out / file)
    return _told(clean, story, title, file, made.sha256, made.head_hash, row)


def _without_paths(case: Case, subject: Subject, store: CaseStore, title: str, question: str) -> Case:
    """The same results in a new case that names no folder of the computer that made them."""
    clean = store.create(title, question=question)
    clean.add_subject(case.blob(subject.sha256), subject.name, origin=subject.origin, caption=subject.caption,
                      work_id=subject.work_id)
    for kind in (Environment, Embedding, Neighbour, PromptCandidate, SearchPlan, ControlResults):
        for record in case.records(kind):
            blobs = {record.blob: case.blob(record.blob)} if isinstance(record, Embedding) else {}
            clean.commit(_relative(record) if isinstance(record, Neighbour) else record, blobs=blobs)
    for replay in case.replays(subject.id, order_by="time", limit=-1):
        clean.commit(replay, blobs={replay.image_sha256: case.blob(replay.image_sha256)})
    for kind in (SearchSummary, Measured, Finding):
        for record in case.records(kind):
            clean.commit(record)
    return clean


def _relative(work: Neighbour) -> Neighbour:
    """A neighbour whose picture is named from the project's folder, or not at all."""
    path = Path(work.image_path)
    inside = bool(work.image_path) and path.is_relative_to(ASSETS.parent)
    return dataclasses.replace(work, image_path=path.relative_to(ASSETS.parent).as_posix() if inside else "")


def _told(case: Case, story: str, title: str, file: str, sha256: str, head: str, row: dict) -> Told:
    subject = case.subjects()[0]
    ranked = case.replays(subject.id, order_by=SCORE, limit=-1)
    noise, given = _best(ranked, given=False), _best(ranked, given=True)
    near = next(n for n in case.neighbours(subject.id) if n.work_id != row["id"])
    return Told(
        story=story, title=title, file=file, sha256=sha256, head=head, work_id=row["id"],
        work_title=row["title"], creator=row["creator"], multiplicity=int(row["multiplicity"]),
        replays=len(ranked), noise=noise.closeness[SCORE], noise_replay=noise.id,
        noise_seed=noise.recipe.seed, given=given.closeness[SCORE], given_replay=given.id,
        strength=float(given.recipe.strength or 0), neighbour_title=near.title,
        neighbour_creator=near.creator, neighbour_multiplicity=int(near.multiplicity or 0),
        similarity=near.similarity, computing_s=sum(r.elapsed_s for r in ranked))


def _best(ranked: list[Replay], *, given: bool) -> Replay:
    found = best(ranked, given=given)
    if found is None:
        raise ExplorerError(f"An example's search made no replay of both kinds. {AGAIN}")
    return found


def read(folder: Path = FOLDER, *, world: str = "") -> list[Told]:
    """The finished cases in `folder`; none where there are none, or where they quote another world."""
    path = folder / FILE_NAME
    if not path.is_file():
        return []
    try:
        value = json.loads(path.read_text("utf-8"))
        found = [Told(**t) for t in value["cases"]]
        return found if world in ("", value["world"]) else []
    except (ValueError, TypeError, KeyError) as error:
        raise ExplorerError(f"{path.name} is damaged ({error}). {AGAIN}") from error


def open_told(store: CaseStore, told: Told, *, folder: Path = FOLDER) -> Case:
    """The story as a read-only case of this workspace, taken in from its package the first time."""
    for row in store.list(archived=None):
        if row.read_only and row.title == told.title:
            case = store.open(row.id)
            if case.meta().get("imported_from") == told.file and case.log()[-1].hash == told.head:
                return case
            case.close()
    return import_package(store, told.package(folder), expect=told.head)
