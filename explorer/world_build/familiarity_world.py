"""`world familiarity`: the controls that familiarity is ranked among, and the threshold of the sign, for the world.

Controls are held-out control works; what their features let one expect is fitted on held-out tuning works, and the
signs' thresholds on those and on works seen once that are in no test group.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer.clip.encoder import load_encoder
from explorer.clip.terms import choose_lists
from explorer.diffusion.models import Model, load_model
from explorer.familiarity.familiarity_plan import PLANS, Plan
from explorer.familiarity.judge import excesses
from explorer.familiarity.records import KnownControls
from explorer.familiarity.stored import FILE
from explorer.findings.expectation import Expectation
from explorer.findings.features import FEATURES, features, fit_expectation
from explorer.records import to_json
from explorer.search.measured_search import recover_prompts
from explorer.world.files import World, fingerprint, open_world, write_json
from explorer.world.manifest import all_words, load_small, read_manifest
from explorer.world_build.familiarity_scores import NamedPicture, Report, familiarity_lines, sign_lines

ONCE = 60  # works seen once that take part in tuning
TEST_SINGLES = 150  # of the works seen once, the first by their SHA-256 are test works
TOLD_APART = 0.0025  # share of tuning works that the threshold may take for made by the model
FOLDS, LEAST_EXPLAINED = 5, 0.05


class WorksByRole:
    """The world's works by the part that they play here, in the order of their SHA-256."""

    def __init__(self, rows: list[dict]) -> None:
        order = sorted(rows, key=lambda row: row["sha256"])
        once = [r for r in order if r["split"] == "train" and r["multiplicity"] == 1]
        self.control = [r for r in order if r["split"] == "control"]
        self.tuning = [r for r in order if r["split"] == "tuning"]
        self.tuning_once = once[TEST_SINGLES:]


class WorkWords:
    """The words of a work from each source; recovered ones are kept in the cache."""

    def __init__(self, world: World, rows: list[dict], *, folder: Path) -> None:
        self.world, self.rows, self.path = world, rows, folder / "familiarity-recovered.json"
        self.found: dict[str, list[str]] = json.loads(self.path.read_text()) if self.path.exists() else {}
        self._encoder: Any = None

    def of(self, row: dict, plan: Plan) -> tuple[str, ...]:
        if plan.words == "caption":
            return (row["caption"],)
        return ("",) if plan.words == "fitted" else tuple(self.recovered(row["id"], shown(self.world, row), plan))

    def recovered(self, name: str, rgb: np.ndarray, plan: Plan) -> list[str]:
        """The prompts that the measured test recovers for a picture (h, w, 3) uint8, as many as the plan takes."""
        if len(self.found.get(name, ())) < plan.prompts:
            if self._encoder is None:
                self._encoder = load_encoder("world")
                self._terms = choose_lists(("collection",), collection=all_words(self.rows))
            made = recover_prompts(self._encoder, rgb, subject_id=name, terms=self._terms, most=plan.prompts,
                                   cache=self.path.parent / "terms")
            self.found[name] = [prompt.text for prompt in made]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self.path, self.found)
        return self.found[name][:plan.prompts]


def shown(world: World, row: dict) -> np.ndarray:
    """(h, w, 3) uint8: the display copy of a work."""
    with Image.open(world.root / row["image"]) as image:
        return np.asarray(image.convert("RGB"))


def works_of(world: World, rows: list[dict], plan: Plan, words: WorkWords) -> list[NamedPicture]:
    """Works with the plan's words, at the model's size."""
    small = load_small(world.root, [row["image"] for row in rows])
    return [NamedPicture(row["id"], rgb, words.of(row, plan)) for row, rgb in zip(rows, small, strict=True)]


def told(world: World, rows: list[dict], words: dict[str, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    """What needs no model of every work, by its id, with its first words."""
    return {row["id"]: features(shown(world, row), caption=words[row["id"]][0]) for row in rows}


def derive(root: Path | None = None, *, device: str = "auto", sources: Sequence[str] = tuple(PLANS), most: int = 0,
           cache: Path | None = None, report: Report = print) -> dict[str, Any]:
    """Writes the world's familiarity file for the named sources of words; what stands there of other plans that
    are offered is kept.

    `most` limits the controls to the first ones, and tuning works to a third of that (0: all). Goes on where a
    stopped run ended.
    """
    world = open_world(root, cache)
    rows, folder, model = read_manifest(world), world.cache / "familiarity", load_model("world", device=device)
    parts, words = WorksByRole(rows), WorkWords(world, rows, folder=folder)
    path = world.root / FILE
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if kept.get("model_fingerprint") != model.ref.fingerprint:
        kept = {}
    found = kept | {"world": fingerprint(world.root), "model_fingerprint": model.ref.fingerprint,
                    "date": datetime.now(UTC).date().isoformat()}
    current = {plan.id for plan in PLANS.values()}  # results of plans that are offered no more go
    found |= {part: {name: one for name, one in found.get(part, {}).items() if name in current}
              for part in ("controls", "seen")}
    for source in sources:
        plan = PLANS[source]
        controls, seen = _controls(world, model, parts, plan, words, most=most, folder=folder, report=report)
        found["controls"] = found.get("controls", {}) | {plan.id: to_json(controls)}
        found["seen"] = found.get("seen", {}) | {plan.id: {"1": seen}}
        write_json(path, found)
    found["made_by"] = _threshold(world, model, parts, most=most, folder=folder, report=report)
    write_json(path, found)
    return {"file": str(path), "sources": list(sources), "thresholds": found["made_by"]}


def _controls(world: World, model: Model, parts: WorksByRole, plan: Plan, words: WorkWords, *, most: int,
              folder: Path, report: Report) -> tuple[KnownControls, list[float]]:
    """The controls under a plan, and the excesses of tuning works that the model saw once."""
    third = most // 3 or None
    control, tuning, once = parts.control[:most or None], parts.tuning[:third], parts.tuning_once[:third or ONCE]
    rows = [*control, *tuning, *once]
    works = {work.name: work for work in works_of(world, rows, plan, words)}
    lines = familiarity_lines(model, list(works.values()), plan, folder=folder, report=report)
    seen_as = told(world, rows, {name: work.words for name, work in works.items()})
    values = {name: line["value"] for name, line in lines.items()}
    expected = expectation([seen_as[r["id"]] for r in tuning], [values[r["id"]] for r in tuning])
    made = KnownControls(
        id=f"world {plan.id}", source="the world's control works", model_fingerprint=model.ref.fingerprint,
        plan=plan.id, names=tuple(r["id"] for r in control), artists=tuple(r["creator"] for r in control),
        values=tuple(values[r["id"]] for r in control), features=tuple(seen_as[r["id"]] for r in control),
        expectation=expected)
    return made, [excesses(values[r["id"]], seen_as[r["id"]], made)[0] for r in once]


def expectation(found: list[dict[str, float]], values: list[float]) -> Expectation | None:
    """What features let one expect of familiarity, shrunken strongly; None where left-out works are not predicted.

    The rule was fixed before it was looked at what it gives: five parts, and at least a twentieth explained.
    """
    part, y = np.arange(len(values)) % FOLDS, np.asarray(values, float)
    if len(values) < FOLDS * 10:
        return None
    left = np.empty(len(values))
    for fold in range(FOLDS):
        fitted = _fitted([f for f, n in zip(found, part, strict=True) if n != fold], y[part != fold].tolist())
        left[part == fold] = [fitted.predict(f) for f, n in zip(found, part, strict=True) if n == fold]
    explained = 1 - float(((y - left) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    return _fitted(found, values) if explained >= LEAST_EXPLAINED else None


def _fitted(found: list[dict[str, float]], values: list[float]) -> Expectation:
    return fit_expectation(found, values, names=FEATURES, ridge=len(values))


def _threshold(world: World, model: Model, parts: WorksByRole, *, most: int, folder: Path,
               report: Report) -> dict[str, float]:
    rows = [*parts.tuning[:most or None], *parts.tuning_once[:ONCE]]
    small = load_small(world.root, [row["image"] for row in rows])
    pictures = [NamedPicture(r["id"], rgb) for r, rgb in zip(rows, small, strict=True)]
    lines = sign_lines(model, pictures, folder=folder, report=report)
    return {"round_trip": float(np.quantile(list(lines.values()), TOLD_APART)), "works": len(rows)}
