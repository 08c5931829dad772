"""What findings are worth on the world: who is flagged, how often wrongly, and what other methods say.

    python -m tests.benchmarks.bench_findings [--seeds 16] [--works N] [--crossover WORLD] [--store] [--stored]

`WORLD` is the crossover world's folder, from `python -m explorer world build --draw 2 --out WORLD`.
Banks of replays are kept in the world's cache folder, so a stopped run goes on. With fewer works than the controls
take, the stored controls are used. `--store` writes the world's controls.json, findings.json and likelihood.json,
which the app reads. The last line is the result as JSON. Works that look like seen ones without being derived from
them (look-alikes) and near copies that the world's builder left out (doubles) are in no group of this world: null.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from explorer.clip.bits import prompt_bits
from explorer.clip.encoder import load_encoder
from explorer.clip.terms import choose_lists
from explorer.closeness.ledger import total_bits
from explorer.diffusion.models import Model, load_model
from explorer.evidence import finding_ratio
from explorer.evidence.finding_ratio import ReferenceRates
from explorer.findings.case_ledger import recipe_ledger
from explorer.findings.controls import WORLD_FILE, world_controls
from explorer.findings.finding import ControlResults
from explorer.findings.rates import FILE, stored_result
from explorer.records import PromptCandidate, to_json
from explorer.records.policy import Policy
from explorer.search.expand import expand
from explorer.search.fit_size import fit
from explorer.search.measured_search import recover_prompts, settings_of
from explorer.statistics import auc_interval, bank_rate
from explorer.world.files import World, fingerprint, open_world, write_json
from explorer.world.manifest import all_words, load_small, read_manifest
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.training import pick_device
from tests.benchmarks import findings_measure as measure
from tests.benchmarks import findings_ratios as ratios
from tests.benchmarks.findings_arithmetic import arithmetic
from tests.benchmarks.findings_bank import Bank, fill, path_of
from tests.benchmarks.findings_crossover import about, crossover
from tests.benchmarks.findings_doors import door_check, img2img_trap
from tests.benchmarks.findings_robust import CHANGES, robustness
from tests.benchmarks.findings_works import chosen, indices
from tests.benchmarks.stored import store, stored

NAME = "bench_findings"
WHOLE_KEYS = ("by_multiplicity", "baselines", "blind_prompt_auc", "robustness", "door_check", "img2img_false_rate",
              "crossover", "seeds", "flagged", "kept_from")  # of a run of all works alone
VALIDITY = ("flagged_at_1", "flagged_at_5", "by_fifth", "derived", "calibration", "likelihood_ratio", "cllr",
            "one_artist_sets", "policy", "spread_rules")
SOURCES = ("caption", "interrogation")
PARTS = ("baselines", "doors", "img2img", "arithmetic")


def main() -> None:
    """Measures, prints a table as it goes, and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--works", type=int, default=0, help="only the first N works; 0: all")
    parser.add_argument("--blind-works", type=int, default=0, help="of them, those tested blind too; 0: all")
    parser.add_argument("--banked", action="store_true", help="only works whose replays are in the bank")
    parser.add_argument("--trap-works", type=int, default=60)
    parser.add_argument("--crossover", type=Path, help="folder of the crossover world")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--without", nargs="*", default=(), choices=PARTS, help="parts whose last result is kept")
    parser.add_argument("--cache", type=Path, help="folder of the banks; by default the world's own")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--stored", action="store_true", help="print the last stored result")
    args = parser.parse_args()
    world = open_world()
    if args.stored:
        print(stored(NAME))
        return
    torch.set_grad_enabled(False)
    asked = Asked(args.seeds, args.works, args.blind_works, args.trap_works, args.banked,
                  frozenset(PARTS) - set(args.without),
                  args.cache or world.cache / "findings", pick_device(args.device))
    result, controls, rates = run(world, asked, other=open_world(args.crossover) if args.crossover else None)
    if args.store:
        _store(world, result, controls, rates, whole=not asked.banked)
    print(json.dumps(result, sort_keys=True))


def _store(world: World, result: dict, controls: dict, rates: list[ReferenceRates], *, whole: bool) -> None:
    """Writes what the app reads, and the benchmark's own result; of a part of the works only what is new in it."""
    if controls:
        write_json(world.root / WORLD_FILE, {"world": result["fingerprint"], "date": result["date"],
                                             "results": controls})
    if whole:
        write_json(world.root / FILE, result)
    write_json(world.root / finding_ratio.FILE, finding_ratio.as_file(rates, world=result["fingerprint"]))
    store(NAME, result if whole else _beside(_before(world), result), parts=("whole" if whole else "validity",))


def _beside(before: dict, result: dict) -> dict:
    """A result of a part of the works beside the last one of all: figures of VALIDITY are the new ones."""
    found = before | {k: v for k, v in result.items() if k not in WHOLE_KEYS}
    for name in ("true_caption", "blind"):
        found[name] = before.get(name, {}) | {k: result[name][k] for k in VALIDITY}
    return found | {"whole_date": before.get("date"), "whole_works": before.get("works")}


@dataclass(frozen=True)
class Asked:
    """How much is measured: `parts` are those of PARTS that are measured anew."""

    seeds: int
    works: int
    blind_works: int
    trap_works: int
    banked: bool  # only works whose replays are there already
    parts: frozenset[str]
    folder: Path
    device: torch.device


def run(world: World, asked: Asked, *, other: World | None = None) -> tuple[dict, dict, list[ReferenceRates]]:
    """The result, the controls by policy as JSON (none where the stored ones were used), and the reference rates.

    `other` is the crossover world. Parts that are not measured anew stand as they were stored, with their date.
    """
    rows = read_manifest(world)
    pick = chosen(rows)[:asked.works or None]
    pick, some = (_banked(world, rows, pick, asked, source) if asked.banked else pick for source in SOURCES)
    every, fewer = _subjects(world, rows, pick), _subjects(world, rows, some[:asked.blind_works or None])
    encoder, before = load_encoder("world"), _before(world)
    captions = [rows[i]["caption"] for i in pick]
    blind = _blind(world, rows, fewer, asked.folder)
    model = load_model("world", device="cpu")
    date, result, kept_controls, rates = datetime.now(UTC).date().isoformat(), {}, {}, []
    for name, source, prompts, subjects in zip(
            ("true_caption", "blind"), SOURCES, ([(c,) for c in captions], blind), (every, fewer), strict=True):
        policy = Policy(prompt_from=source, seeds=asked.seeds)
        one = _Source(world, rows, subjects, prompts, policy, encoder, model, asked)
        part, reference = one.measured(before.get(name, {}), date)
        rates.append(reference)
        if one.fresh:
            kept_controls[policy.id] = to_json(one.controls)
        if other:
            part["crossover"] = crossover(subjects, other, prompts, rows, effort=one.effort, values=one.values,
                                          found=one.found, controls=one.controls, folder=asked.folder,
                                          device=asked.device)
        result[name] = part
        print(name, json.dumps({k: part[k] for k in ("auc", "tpr_at_1_fpr")}), flush=True)
        if name == "true_caption":
            result |= one.with_captions(captions, before)
    place = {row["id"]: i for i, row in enumerate(rows)}
    kept = {key: before.get("date") for key in PARTS if key not in asked.parts and before}
    result |= _top(result, fewer, encoder, [rows[place[n]]["caption"] for n in fewer.ids], blind)
    result |= {"fingerprint": fingerprint(world.root), "model_fingerprint": model.ref.fingerprint, "date": date,
               "seeds": asked.seeds, "crossover": _crossover(result, other) or before.get("crossover"),
               "device": str(asked.device), "kept_from": before.get("kept_from", {}) | kept,
               "works": {name: len(rows) for name, rows in every.groups.items()},
               "blind_works": {name: len(rows) for name, rows in fewer.groups.items()}}
    return result, kept_controls, rates


def _banked(world: World, rows: list[dict], pick: list[int], asked: Asked, source: str) -> list[int]:
    """Those of the works whose replays from this source of prompts are in the bank."""
    policy = Policy(prompt_from=source, seeds=asked.seeds)
    effort = DoseEffort(seeds=asked.seeds // policy.prompts, steps=policy.steps, guidance=policy.guidance)
    known = _recovered(asked.folder)
    texts = {i: [rows[i]["caption"]] if source == "caption" else known.get(rows[i]["id"]) for i in pick}
    return [i for i in pick if texts[i] and path_of(asked.folder, rows[i]["id"], texts[i], effort=effort,
                                                    model=fingerprint(world.root)).exists()]


def _recovered(folder: Path) -> dict[str, list[str]]:
    """The prompts that were recovered so far, by work."""
    path = folder / f"recovered-{Policy().id}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def _before(world: World) -> dict:
    """The last stored result, for parts that are not measured anew; {} for another world's."""
    found = stored_result(world.root) or {}
    return found if found.get("fingerprint") == fingerprint(world.root) else {}


def _crossover(result: dict, other: World | None) -> dict | None:
    if not other:
        return None
    return about(other) | {name: result[name].pop("crossover") for name in ("true_caption", "blind")}


def _subjects(world: World, rows: list[dict], pick: list[int]) -> measure.Subjects:
    shown = [np.asarray(Image.open(world.root / rows[i]["image"]).convert("RGB")) for i in pick]
    small = np.stack([fit(rgb, height_px=64, width_px=64) for rgb in shown])
    return measure.Subjects(tuple(rows[i]["id"] for i in pick), small, shown, indices(rows, pick))


def _blind(world: World, rows: list[dict], subjects: measure.Subjects, folder: Path) -> list[list[str]]:
    """The prompts that the measured test recovers for each work; kept in the cache."""
    path, found = folder / f"recovered-{Policy().id}.json", _recovered(folder)
    encoder, terms = load_encoder("world"), choose_lists(("collection",), collection=all_words(rows))
    for name, rgb in zip(subjects.ids, subjects.shown, strict=True):
        if name not in found:
            made = recover_prompts(encoder, rgb, subject_id=name, terms=terms, cache=folder / "terms")
            found[name] = [prompt.text for prompt in made]
            if len(found) % 50 == 0:
                write_json(path, found)
    write_json(path, found)
    return [found[name] for name in subjects.ids]


class _Source:
    """One source of prompts: its bank, values, controls and p-values, and all figures that follow from them."""

    def __init__(self, world: World, rows: list[dict], subjects: measure.Subjects,
                 prompts: list[Sequence[str]], policy: Policy, encoder, model: Model, asked: Asked) -> None:
        self.world, self.rows, self.subjects, self.policy, self.asked = world, rows, subjects, policy, asked
        self.encoder, self.model, self.prompts = encoder, model, prompts
        self.effort = DoseEffort(seeds=asked.seeds // policy.prompts, steps=policy.steps, guidance=policy.guidance)
        self.bank = fill(world, list(zip(subjects.ids, prompts, strict=True)), effort=self.effort,
                         folder=asked.folder, model=fingerprint(world.root), device=asked.device)
        self.values = measure.closest(subjects.small, self.bank)
        self.fresh = len(subjects.groups["control"]) > 0
        kept = None if self.fresh else world_controls(world.root, policy, model_fingerprint=model.ref.fingerprint)
        where = {row["id"]: row["image"] for row in rows}
        names = [subjects.ids[i] for i in subjects.groups["control"]] if self.fresh else kept.names
        self.pictures = load_small(world.root, [where[n] for n in names])
        self.found = measure.told(subjects, [texts[0] for texts in prompts], self.pictures)
        self.controls = self._controls() if self.fresh else kept
        self.p = measure.p_values(self.values, self.found, self.controls)
        self.places = measure.positions(self.values, self.found, self.controls)

    def _controls(self) -> ControlResults:
        nearest = measure.tiled(self.subjects.small, self.bank).argmin(1) // self.effort.seeds  # whose prompt
        bits = _bits(self.prompts, nearest, self.policy, self.encoder, self.model)
        return measure.as_controls(self.subjects, self.found, self.values, self.policy,
                                   model=self.model.ref.fingerprint, bits=bits)

    def measured(self, before: dict, date: str) -> tuple[dict, ReferenceRates]:
        """All figures, and the reference rates that ratios rest on; `before` is the last result of this source."""
        groups, p = self.subjects.groups, self.p
        ours = measure.excess(self.values, self.found, self.controls)
        strong, test = np.concatenate([groups[g] for g in measure.STRONG]), groups["test"]
        by = {g: {**measure.separation(ours, groups[g], test), "flagged_at_1": measure.flagged(p[groups[g]], 0.01),
                  "flagged_at_5": measure.flagged(p[groups[g]], 0.05), "given_p": measure.share(p[groups[g]] <= 1),
                  "median_tiled_l2": float(np.median(self.values[groups[g]]))} for g in ratios.COPIES}
        own = ratios.left_out(self.controls)
        told, counted = ratios.derived(self.subjects, self.bank, [texts[0] for texts in self.prompts],
                                       self.pictures, self.controls, CHANGES)
        reference = ratios.reference(self.subjects, p, self.places, self.controls, own, date=date,
                                     derived=counted)
        creators = {row["id"]: row["creator"] for row in self.rows}
        part = {**measure.separation(ours, strong, test), "unet_evaluations": self.bank.unet_evaluations,
                "by_multiplicity": by, "policy": self.policy.id, "explained": self.controls.expectation.explained,
                **{f"flagged_at_{n}": {"held_out": measure.flagged(p[test], n / 100),
                                       "strangers": measure.flagged(p[groups["stranger"]], n / 100)}
                   for n in (1, 5)},
                "by_fifth": ratios.by_fifth(self.controls, own[0]), "derived": told,
                "spread_rules": ratios.spread_rules(self.values[test], [self.found[i] for i in test],
                                                    self.controls),
                "calibration": ratios.calibration(p, groups, controls=len(self.controls.values)),
                "likelihood_ratio": ratios.ratio_table(reference),
                "cllr": {n: {"cllr": s.cllr, "cllr_min": s.cllr_min, "seen_works": s.seen_works,
                             "unseen_works": s.unseen_works} for n, s in reference.scores.items()},
                "one_artist_sets": ratios.one_artist_sets(self.controls,
                                                          [creators[n] for n in self.controls.names])}
        if "baselines" in self.asked.parts:
            methods = measure.other_methods(self.subjects, self.bank, self.values,
                                            _cosines(self.subjects, self.bank, self.encoder))
            part["baselines"] = measure.beside_ours(self.subjects, ours, methods, self.found)
        if "arithmetic" in self.asked.parts:
            part["arithmetic"] = arithmetic(self.model, self.subjects, self.prompts, self.policy,
                                            values=self.values, found=self.found, controls=self.controls)
        return {k: before[k] for k in ("baselines", "arithmetic") if k in before} | part, reference

    def with_captions(self, captions: list[str], before: dict) -> dict:
        """What is measured with works' own captions alone."""
        likeness = self.encoder.encode_images(list(self.subjects.small)) @ self.encoder.encode_texts(captions).T
        told = {"caption_shopping": ratios.caption_shopping(self.subjects, self.bank, captions, self.pictures,
                                                            self.controls, likeness),
                "robustness": robustness(self.subjects, self.bank, captions, self.pictures, self.controls)}
        if "doors" in self.asked.parts:
            told["door_check"] = door_check(self.world, self.rows, self.bank, self.encoder)
        if "img2img" in self.asked.parts:
            told["img2img_false_rate"] = img2img_trap(self.model, self.subjects, captions,
                                                      works=self.asked.trap_works, found=self.found,
                                                      controls=self.controls)
        return {k: before[k] for k in ("door_check", "img2img_false_rate") if k in before} | told


def _bits(prompts: list[Sequence[str]], nearest: np.ndarray, policy: Policy, encoder, model: Model) -> list[float]:
    """What the ledger charges for each work: its closest prompt's code, and the choice among the seeds."""
    found = []
    for texts, number in zip(prompts, nearest, strict=True):
        settings = settings_of(policy, texts)
        text, ids = texts[number], encoder.token_ids(texts[number])
        known = [PromptCandidate("", 1, text, "interrogation", "measured", 0.0, len(ids), prompt_bits(ids))]
        known = known if policy.prompt_from == "interrogation" else []
        recipe = expand(settings, model=model.ref, info=model.info)[number * settings.seeds]
        found.append(total_bits(recipe_ledger(recipe, settings, prompts=known)))
    return found


def _cosines(subjects: measure.Subjects, bank: Bank, encoder) -> np.ndarray:
    """(n,) best CLIP cosine of each work's replays to it."""
    own = encoder.encode_images(list(subjects.small))  # (n, d)
    return np.array([(encoder.encode_images(list(images)) @ own[i]).max() for i, images in enumerate(bank.images)])


def _top(result: dict, subjects: measure.Subjects, encoder, captions: list[str], blind: list[list[str]]) -> dict:
    """The keys that stand at the top: by true caption, and what the blind prompts give away."""
    true = result["true_caption"]
    own = encoder.encode_texts(captions)
    alike = np.max([(own * encoder.encode_texts(texts)).sum(1) for texts in zip(*blind, strict=True)], 0)
    members = np.concatenate([subjects.groups[g] for g in ("1", "4", "16", "64", "256")])
    apart = auc_interval(alike[members], alike[subjects.groups["test"]])
    levels = {name: dict(true[name]) for name in ("flagged_at_1", "flagged_at_5")}
    levels["flagged_at_5"] |= {"look_alikes": None, "doubles": None, "derived": true["derived"],
                               "by_fifth": true["by_fifth"]}
    chances = [one["chance"] for name in ("true_caption", "blind") for one in result[name]["calibration"].values()]
    return {**levels, "by_multiplicity": true["by_multiplicity"], "baselines": true["baselines"],
            **{key: true[key] for key in ("one_artist_sets", "likelihood_ratio", "cllr")},
            "calibrated": min(chances) >= 0.025, "bank_rate": _bank_rates(),
            "blind_prompt_auc": {"auc": apart.value, "low": apart.low, "high": apart.high},
            "flagged": {result[n]["policy"]: {k: result[n][k] for k in ("flagged_at_1", "flagged_at_5")}
                        for n in ("true_caption", "blind")}}


def _bank_rates(controls: int = 400) -> dict[str, list[float]]:
    """What one bank of so many controls truly flags: central 95%."""
    found = {n: bank_rate(controls, n / 100) for n in (1, 5)}
    return {f"flagged_at_{n}": [rate.low, rate.high] for n, rate in found.items()}


if __name__ == "__main__":
    main()
