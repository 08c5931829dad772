"""Which of several models made a subject, or none: comparison pictures, what each model says, one finding."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from explorer.collections.works import PICTURES
from explorer.diffusion.models import Model
from explorer.errors import ExplorerError, shortened
from explorer.evidence.populations import read_population
from explorer.evidence.which_model import OTHERS, judge, measured_rates, not_asked_rate, ranks
from explorer.evidence.which_records import BUNDLED, FEWEST_PICTURES, MOST_MODELS, Candidate, WhichModel, WhichPlan
from explorer.evidence.which_signals import autoencoder_sha256, measured, own_pictures, sent_through
from explorer.folders import is_plain, typed_path
from explorer.images.decode import open_image, read_png
from explorer.jobs.tasks import NameModel
from explorer.records import to_json
from explorer.settings import WORLD
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest, small


@dataclass(frozen=True)
class Others:
    """Pictures (h, w, 3) uint8 that none of the models made, and where they are from."""

    source: str
    pictures: tuple[np.ndarray, ...]


def ask(task: NameModel, context: Context) -> Any:
    """Writes the plan to the log, then the answer; comparison pictures stay in the cache for the next subject."""
    case = context.case()
    done = case.record(WhichModel, task.test_id)
    if done is not None:
        return to_json(done)
    if not 2 <= len(set(task.models)) <= MOST_MODELS:
        raise ExplorerError("which.how_many", count=len(set(task.models)), most=MOST_MODELS)
    plan, subject = WhichPlan(task.pictures), case.subject(task.subject_id)
    if plan.pictures < FEWEST_PICTURES:
        raise ExplorerError("which.few_pictures", count=plan.pictures, fewest=FEWEST_PICTURES)
    prompts, others = _prompts(task, context, plan), _others(task.others, plan)
    rgb = read_png(case.blob(subject.pixels_sha256))
    sources = tuple(dict.fromkeys(task.models))
    earlier = len(case.records(WhichModel, subject_id=subject.id))
    case.note("which model planned", {
        "plan": asdict(plan), "models": list(sources), "others": others.source, "test_id": task.test_id,
        "other_pictures": len(others.pictures), "prompts_sha256": _sha(prompts), "earlier_tests": earlier},
        job_id=context.job.id)
    made, through = _compared(context, sources, prompts, others, plan)
    asked = _Asked(plan, tuple(rgb for part in (*made, others.pictures, *through) for rgb in part))
    told = [asked.of(context, source, rgb) for source in sources]
    if len({one.model.fingerprint for one, _, _ in told}) < len(told):
        raise ExplorerError("which.same_model")
    same_size = all(part[0].shape == rgb.shape for part in made)
    changed = not same_size or _may_lose(case.blob(subject.sha256))
    answer = _answer(task, plan, told, others, earlier, prompts, changed=changed)
    context.commit(answer)
    return to_json(answer)


@dataclass(frozen=True)
class _Asked:
    """All comparison pictures, the models' own one model after another, the others last."""

    plan: WhichPlan
    pictures: tuple[np.ndarray, ...]

    def of(self, context: Context, source: str, rgb: np.ndarray) -> tuple[Candidate, np.ndarray, np.ndarray]:
        """The candidate (its p still to come), what it says of the subject (2,) and of the pictures (n, 2)."""
        model = _model(context, source)
        context.report(0, 0, say("progress.which_measure", name=model.info.name))
        path = _cache(context, model, "measured", self.plan.id, *map(_pixels_sha, self.pictures))
        if not path.exists():
            _keep(path, measured(model, self.pictures, self.plan, run=context.run))
        own = measured(model, [rgb], self.plan, run=context.run)[0]
        candidate = Candidate(model.ref, _name(model), 0.0, float(own[0]), float(own[1]), autoencoder_sha256(model))
        return candidate, own, np.load(path, allow_pickle=False)


def _answer(task: NameModel, plan: WhichPlan, told: Sequence[tuple[Candidate, np.ndarray, np.ndarray]],
            others: Others, earlier: int, prompts: Sequence[str], *, changed: bool) -> WhichModel:
    models, each, count = len(told), plan.pictures, len(others.pictures)
    subject = np.stack([own for _, own, _ in told])  # (k, 2)
    said = np.stack([pictures for _, _, pictures in told], 1)  # (n, k, 2)
    sources = {i: said[i * each:(i + 1) * each] for i in range(models)}
    none = said[models * each:].reshape(-1, count, models, 2)
    p = ranks(subject, sources | {OTHERS - i: part for i, part in enumerate(none)})
    others_p, through_p = p[OTHERS], max(value for name, value in p.items() if name < OTHERS)
    candidates = _named([replace(one, p=p[i]) for i, (one, _, _) in enumerate(told)])
    finding = judge(task.subject_id, candidates, others_p, pictures=each, other_pictures=count, level=plan.level,
                    through_p=through_p, earlier_tests=earlier, changed=changed, error_rate=measured_rates(WORLD),
                    not_asked=not_asked_rate(WORLD))
    spent = plan.evaluations(models, others=len(none) * count)
    return WhichModel(task.test_id, task.subject_id, plan.id, tuple(candidates), others_p, others.source, each,
                      count, plan.level, _sha(prompts), spent, finding, earlier)


def _may_lose(data: bytes) -> bool:
    """Whether a file is of a kind that can lose something: all but PNG, BMP and TIFF are taken to be."""
    return not data.startswith((b"\x89PNG", b"BM", b"II*\x00", b"MM\x00*"))


def _named(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Models with one name are told apart by their fingerprints."""
    names = [one.name for one in candidates]
    return [one if names.count(one.name) == 1 else replace(one, name=f"{one.name} ({one.model.fingerprint[:8]})")
            for one in candidates]


def _model(context: Context, source: str) -> Model:
    found = loading.model(context, source)
    if not found.own_loop:
        raise ExplorerError("which.own_loop", name=found.info.name)
    return found


def _name(model: Model) -> str:
    adapters = "".join(f" + {one.name}" for one in model.ref.adapters)
    return model.info.name + adapters


def _compared(context: Context, sources: Sequence[str], prompts: Sequence[str], others: Others,
              plan: WhichPlan) -> tuple[list[tuple[np.ndarray, ...]], list[tuple[np.ndarray, ...]]]:
    """Each model's own pictures, and the others as each different autoencoder gives them back; cached."""
    made, through = [], {}
    for source in sources:
        model = _model(context, source)
        context.report(0, 0, say("progress.which_make", name=model.info.name))
        path = _cache(context, model, "made", str(plan.pictures), _sha(prompts))
        made.append(_once(path, lambda model=model: own_pictures(model, prompts, run=context.run)))
        mark = autoencoder_sha256(model)
        if mark not in through:
            path = _cache(context, model, "through", mark, *map(_pixels_sha, others.pictures))
            through[mark] = _once(path, lambda model=model: sent_through(model, others.pictures, run=context.run))
    return made, list(through.values())


def _once(path: Path, make: Callable[[], Sequence[np.ndarray]]) -> tuple[np.ndarray, ...]:
    if not path.exists():
        _keep(path, np.stack(make()))
    return tuple(np.load(path, allow_pickle=False))


def _cache(context: Context, model: Model, *told: str) -> Path:
    mark = _sha((model.ref.fingerprint, model.precision, model.device.type, *told))
    return context.settings.cache / "which" / f"{mark[:32]}.npy"


def _keep(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, values)
    part.replace(path)


def _prompts(task: NameModel, context: Context, plan: WhichPlan) -> tuple[str, ...]:
    """As many prompts as pictures; a list that is shorter begins again, under other seeds."""
    if task.prompts_blob:
        rows = read_population(context.case().blob(task.prompts_blob), name="prompts.txt")
        lines = [row.prompt for row in rows if row.prompt]
    else:
        lines = [row["caption"] for row in _control_rows()]
    if not lines:
        raise ExplorerError("which.no_prompts")
    return tuple(lines[i % len(lines)] for i in range(plan.pictures))


def _others(source: str, plan: WhichPlan) -> Others:
    """Pictures by none of the models: the bundled control works, or a folder's."""
    if source == "world":
        rows = _control_rows()[:plan.pictures]
        return Others(BUNDLED, tuple(small(WORLD / row["image"]) for row in rows))
    folder = typed_path(source)
    if not folder.is_dir():
        raise ExplorerError("worker.measured_no_folder", folder=shortened(source))
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in PICTURES and is_plain(f))
    if len(files) < FEWEST_PICTURES:
        raise ExplorerError("which.few_others", count=len(files), fewest=FEWEST_PICTURES)
    kept = sorted(files, key=lambda f: _sha([f.name]))[:plan.pictures]  # an order that says nothing of them
    told = folder.name if len(kept) == len(files) else say("aside.which.part", name=folder.name, count=len(files))
    return Others(told, tuple(open_image(f.read_bytes(), name=f.name).rgb for f in kept))


def _control_rows() -> list[dict]:
    """The bundled world's control works, in an order that has nothing to do with them."""
    return sorted((row for row in read_manifest(open_world()) if row["split"] == "control"),
                  key=lambda row: row["sha256"])


def _pixels_sha(rgb: np.ndarray) -> str:
    return hashlib.sha256(f"{rgb.shape}".encode() + np.ascontiguousarray(rgb).tobytes()).hexdigest()


def _sha(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
