"""Runs the example cases with the real tasks and keeps them as packages beside `cases.json`."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.store import CaseStore
from explorer.closeness.ledger import choice_bits
from explorer.closeness.tiled import tiled_distance
from explorer.errors import ExplorerError
from explorer.findings.finding import AlignedReplay, ControlResults, Finding, Measured
from explorer.findings.series import closest
from explorer.images.decode import read_png
from explorer.jobs import flows, foreground
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import AlignReplay, GenerateSubject, RecoverSeed, RunSearch
from explorer.records import (
    Embedding,
    Environment,
    Neighbour,
    PromptCandidate,
    Replay,
    ReplaySettings,
    SearchPlan,
    SearchSummary,
    Start,
    Subject,
)
from explorer.records.policy import Policy
from explorer.records.scans import SeedScan
from explorer.settings import ASSETS, WORLD, Settings
from explorer.texts import say
from explorer.world.example_cases import FILE_NAME, FOLDER, Told, read
from explorer.world.example_picks import DRAWN_BYTES, read_examples
from explorer.world.figures import read_card
from explorer.world.files import fingerprint, write_json
from explorer.world.manifest import small
from explorer.world_build.example_plans import EFFORT, FIRST, MADE_PROMPT, MADE_SEED, PLANS, SCANNED, ExamplePlan

SCORE = "tiled_l2"
ALIGNED = ("shift", "scale", "colour")
COPIED = (Environment, Embedding, Neighbour, PromptCandidate, SearchPlan, ControlResults)
COPIED_AFTER = (AlignedReplay, SeedScan, SearchSummary, Measured, Finding)  # they name replays


@dataclass(frozen=True)
class StoryRun:
    """Where one story is run, and what it is run on."""

    settings: Settings
    story: str
    plan: ExamplePlan
    row: Mapping
    picture: bytes
    follow: Callable[..., None] | None


def build(settings: Settings, *, world: Path, out: Path = FOLDER, only: str = "",
          follow: Callable[..., None] | None = None) -> list[Told]:
    """Runs every story (or one) on the world and writes the packages and `cases.json`; returns the stories.

    Minutes without a graphics card. ExplorerError where a task failed or a story's work is missing.
    """
    works, out = _works(world), out.resolve()
    kept = {t.story: t for t in read(out, world=fingerprint(world))} if only else {}
    for story in [only] if only else PLANS:
        row = works[story]
        picture = ((world / row["image"]).read_bytes() if row["id"]
                   else _made(settings, out / f"{story}.png", follow))
        run = StoryRun(settings, story, PLANS[story], row, picture, follow)
        with tempfile.TemporaryDirectory() as folder:
            kept[story] = _one(run, Path(folder), out)
        ordered = [asdict(kept[s]) for s in PLANS if s in kept]
        write_json(out / FILE_NAME, {"world": fingerprint(world), "cases": ordered})
    return [kept[s] for s in PLANS if s in kept]


def _works(world: Path) -> dict[str, Mapping]:
    """The manifest's row for each story; a picture that is made for its story has an empty id."""
    import pyarrow.parquet as pq
    rows = {r["id"]: r for r in pq.read_table(world / "manifest.parquet").to_pylist()}
    picked = {e.story: e.id for e in read_examples(world)}
    made = {"id": "", "title": "", "creator": "", "caption": MADE_PROMPT, "multiplicity": 0}
    return {story: rows[_named(story, plan, rows, picked)] if plan.work else made for story, plan in PLANS.items()}


def _named(story: str, plan: ExamplePlan, rows: dict[str, dict], picked: dict[str, str]) -> str:
    if picked.get(plan.work) in rows:
        return picked[plan.work]
    fitting = sorted((i for i, r in rows.items() if plan.fits(r) and r["title"] and r["creator"]),
                     key=lambda i: (i != plan.work, abs(rows[i]["complexity_bytes"] - DRAWN_BYTES), i))
    if not fitting:
        raise ExplorerError("world.example_build_world_no_work", story=story)
    return fitting[0]


def _made(settings: Settings, path: Path, follow: Callable[..., None] | None) -> bytes:
    """A picture made from a seed in a case of its own, written to `path`: the story gets its pixels only."""
    case = CaseStore(settings.cases).create("A picture to bring in")
    task = GenerateSubject(case.id, ReplaySettings(MADE_PROMPT, first_seed=MADE_SEED, seeds=1))
    made = foreground.run(settings, task, follow=follow)
    path.write_bytes(case.blob(case.subject(made["subject_id"]).pixels_sha256))
    return path.read_bytes()


def _one(run: StoryRun, folder: Path, out: Path) -> Told:
    plan, row, queue = run.plan, run.row, Queue(run.settings.database)
    case = CaseStore(run.settings.cases).create(plan.title, question=plan.question)
    name = f"{row['title']}.webp" if row["id"] else "picture.png"
    subject = case.add_subject(run.picture, name, origin="example", caption=row["caption"], work_id=row["id"])
    flow = flows.investigate(
        queue, case.id, subject.id, k=12, policy=Policy(prompt_from="caption") if row["id"] else None,
        settings=ReplaySettings(prompt=row["caption"], **(EFFORT if row["id"] else {}), **plan.replays))
    foreground.follow_jobs(run.settings, flow.jobs, follow=run.follow)
    figures = MORE.get(run.story, lambda *_: {})(run, case, subject)
    clean = _without_paths(case, subject, CaseStore(folder))
    made = export_case(clean, out / f"{run.story}.zip")
    told = _told(clean, run, f"{run.story}.zip", made.sha256, made.head_hash)
    return dataclasses.replace(told, figures=figures)


def _without_paths(case: Case, subject: Subject, store: CaseStore) -> Case:
    """The same results in a new case that names no folder of the computer that made them."""
    clean = store.create(case.title, question=case.meta().get("question", ""))
    clean.add_subject(case.blob(subject.sha256), subject.name, origin=subject.origin, caption=subject.caption,
                      work_id=subject.work_id)
    for kind in COPIED:
        for record in case.records(kind):
            blobs = {record.blob: case.blob(record.blob)} if isinstance(record, Embedding) else {}
            clean.commit(_relative(record) if isinstance(record, Neighbour) else record, blobs=blobs)
    for replay in case.replays(subject.id, order_by="time", limit=-1):
        clean.commit(replay, blobs={replay.image_sha256: case.blob(replay.image_sha256)})
    for kind in COPIED_AFTER:
        for record in case.records(kind):
            image = record.image_sha256 if isinstance(record, AlignedReplay) else ""
            clean.commit(record, blobs={image: case.blob(image)} if image else {})
    return clean


def _relative(work: Neighbour) -> Neighbour:
    """A neighbour whose picture is named from the project's folder, or not at all."""
    path = Path(work.image_path)
    inside = bool(work.image_path) and path.is_relative_to(ASSETS.parent)
    return dataclasses.replace(work, image_path=path.relative_to(ASSETS.parent).as_posix() if inside else "")


def _told(case: Case, run: StoryRun, file: str, sha256: str, head: str) -> Told:
    subject, row = case.subjects()[0], run.row
    ranked = case.replays(subject.id, order_by=SCORE, limit=-1)
    noise, given = _closest(case, subject), closest(case, subject, SCORE).given
    near = next(n for n in case.neighbours(subject.id) if n.work_id != row["id"])
    return Told(
        story=run.story, title=run.plan.title, file=file, sha256=sha256, head=head, work_id=row["id"],
        work_title=row["title"], creator=row["creator"], multiplicity=int(row["multiplicity"]),
        replays=len(ranked), noise=noise.closeness[SCORE], noise_replay=noise.id, noise_seed=noise.recipe.seed,
        given=given.closeness[SCORE] if given else None, given_replay=given.id if given else "",
        strength=float(given.recipe.strength or 0) if given else 0.0, neighbour_title=near.title,
        neighbour_creator=near.creator, neighbour_multiplicity=int(near.multiplicity or 0),
        similarity=near.similarity, computing_s=sum(r.elapsed_s for r in ranked))


def _closest(case: Case, subject: Subject, *, seeds: Callable[[int], bool] = lambda seed: True) -> Replay:
    """The closest replay from plain noise, of those seeds."""
    ranked = case.replays(subject.id, order_by=SCORE, limit=-1)
    found = next((r for r in ranked if r.recipe.start(subject) is Start.NOISE and seeds(r.recipe.seed)), None)
    if found is None:
        raise ExplorerError("world.example_build_search_made_no", again=say("note.world.again_examples"))
    return found


# -- figures that one story alone quotes -----------------------------------------------------------


def _double(_: StoryRun, case: Case, subject: Subject) -> dict[str, float | str]:
    """The neighbour that the closest replay is nearest to, and how far it is from the replay and the subject."""
    replay = _small(case.blob(_closest(case, subject).image_sha256))
    found = [(n, _small(Path(n.image_path).read_bytes())) for n in case.neighbours(subject.id) if n.image_path]
    near, pixels = min(found, key=lambda f: _distance(replay, f[1]))
    return {"double": near.title, "double_id": near.work_id, "double_creator": near.creator,
            "double_copies": int(near.multiplicity or 0), "similar": near.similarity,
            "to_double": _distance(replay, pixels), "apart": _distance(_small(case.blob(subject.sha256)), pixels)}


def _below(run: StoryRun, case: Case, subject: Subject) -> dict[str, float | str]:
    """How many of the seeds came nearer than near copies begin, and where the worst of them stayed."""
    limit = read_card(WORLD).near_copy
    seeds = {r.recipe.seed: r.closeness[SCORE] for r in case.replays(subject.id, limit=-1)
             if r.recipe.start(subject) is Start.NOISE}
    return {"below": sum(v < limit for v in seeds.values()), "seeds": len(seeds), "worst": max(seeds.values())}


def _laid_over(run: StoryRun, case: Case, subject: Subject) -> dict[str, float | str]:
    """The closest replay laid over the subject, and how many works with altered and equal copies came back."""
    replay = _closest(case, subject)
    laid = foreground.run(run.settings, AlignReplay(case.id, replay.id, ALIGNED), follow=run.follow)
    card = json.loads((WORLD / "card.json").read_text("utf-8"))
    altered, equal = card["copies_that_differ"]["images"], card["dose_response"][str(run.row["multiplicity"])]
    return {"aligned": laid["closeness"][SCORE], "done": laid["done"],
            "altered": altered["near_copies"], "altered_works": altered["works"],
            "equal": equal["near_copies"], "equal_works": equal["works"]}


def _first_few(run: StoryRun, case: Case, subject: Subject) -> dict[str, float | str]:
    """The closest of the first FIRST seeds, and the bits of choosing one among them and among all."""
    first, seeds = _closest(case, subject, seeds=lambda seed: seed < FIRST), run.plan.replays["seeds"]
    return {"first": first.closeness[SCORE], "first_seed": first.recipe.seed, "few": FIRST, "many": seeds,
            "few_bits": choice_bits(FIRST), "many_bits": choice_bits(seeds)}


def _scanned(run: StoryRun, case: Case, subject: Subject) -> dict[str, float | str]:
    """The seed that a scan of the picture alone names, and that seed's replay."""
    foreground.run(run.settings, RecoverSeed(case.id, subject.id, flows.new_search_id(), 0, SCANNED),
                   follow=run.follow)
    scan = case.records(SeedScan, subject_id=subject.id)[-1]
    if not scan.claims:
        raise ExplorerError("world.example_build_scan_named_no", story=run.story)
    named = scan.claims[0]
    again = ReplaySettings(run.row["caption"], first_seed=named.seed, seeds=1)
    foreground.run(run.settings, RunSearch(case.id, subject.id, flows.new_search_id(), again), follow=run.follow)
    others = _closest(case, subject, seeds=lambda seed: seed != named.seed)
    tried = sum(t.seed != named.seed for t in case.tries(subject.id))
    return {"made_seed": MADE_SEED, "named_seed": named.seed, "chance": named.chance, "tried": scan.tried,
            "scanned": SCANNED, "correlation": named.correlation, "prompt": run.row["caption"],
            "others": others.closeness[SCORE], "others_tried": tried}


MORE: dict[str, Callable[[StoryRun, Case, Subject], dict[str, float | str]]] = {
    "look_alike": _double, "now_and_then": _below, "template": _laid_over, "best_of_many": _first_few,
    "seed_found": _scanned}


def _small(data: bytes) -> np.ndarray:
    """An image file as the model's own size, (64, 64, 3) float32 on [0, 1]."""
    pixels = read_png(data) if data.startswith(b"\x89PNG") else small(data)
    return np.asarray(pixels, np.float32) / 255


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(tiled_distance(a[None], b)[0])
