"""What findings are worth on the world: who is flagged, how often wrongly, and what other methods say.

    python -m tests.benchmarks.bench_findings [--seeds 16] [--works N] [--crossover WORLD] [--store] [--device auto]

`WORLD` is the crossover world's folder, from `python -m explorer world build --draw 2 --out WORLD`.
Banks of replays are kept in the world's cache folder, so a stopped run goes on. `--store` writes the world's
controls.json and findings.json, which the app reads. The last line is the result as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
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
from explorer.findings.case_ledger import recipe_ledger
from explorer.findings.controls import WORLD_FILE
from explorer.findings.finding import ControlResults
from explorer.findings.rates import FILE
from explorer.records import PromptCandidate, to_json
from explorer.records.policy import Policy
from explorer.search.expand import expand
from explorer.search.fit_size import fit
from explorer.search.measured_search import recover_prompts, settings_of
from explorer.statistics import auc_interval
from explorer.world.files import World, fingerprint, open_world, write_json
from explorer.world.manifest import all_words, load_small, read_manifest
from explorer.world_build.dose_replays import DoseEffort
from explorer.world_build.training import pick_device
from tests.benchmarks import findings_measure as measure
from tests.benchmarks.findings_arithmetic import arithmetic
from tests.benchmarks.findings_bank import Bank, fill
from tests.benchmarks.findings_crossover import about, crossover
from tests.benchmarks.findings_doors import door_check, img2img_trap
from tests.benchmarks.findings_robust import robustness
from tests.benchmarks.findings_works import chosen, indices


def main() -> None:
    """Measures, prints a table as it goes, and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=64)
    parser.add_argument("--works", type=int, default=0, help="only the first N works; 0: all")
    parser.add_argument("--blind-works", type=int, default=0, help="of them, those tested blind too; 0: all")
    parser.add_argument("--trap-works", type=int, default=60)
    parser.add_argument("--crossover", type=Path, help="folder of the crossover world")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--store", action="store_true")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    result, controls = run(open_world(), seeds=args.seeds, works=args.works, blind_works=args.blind_works,
                           trap_works=args.trap_works, device=pick_device(args.device),
                           other=open_world(args.crossover) if args.crossover else None)
    if args.store:
        root = open_world().root
        write_json(root / WORLD_FILE, {"world": result["fingerprint"], "date": result["date"], "results": controls})
        write_json(root / FILE, result)
    print(json.dumps(result, sort_keys=True))


def run(world: World, *, seeds: int, works: int, blind_works: int, trap_works: int,
        device: torch.device, other: World | None = None) -> tuple[dict, dict]:
    """The result, and the controls by policy as JSON; `other` is the crossover world."""
    rows = read_manifest(world)
    pick = chosen(rows)[:works or None]
    every, fewer = _subjects(world, rows, pick), _subjects(world, rows, pick[:blind_works or None])
    encoder, folder = load_encoder("world"), world.cache / "findings"
    captions = [rows[i]["caption"] for i in pick]
    blind = _blind(world, rows, fewer, folder)
    model = load_model("world", device="cpu")
    stamp, result, controls = fingerprint(world.root), {}, {}
    for name, source, prompts, subjects in (("true_caption", "caption", [(c,) for c in captions], every),
                                            ("blind", "interrogation", blind, fewer)):
        pictures = load_small(world.root, [rows[pick[i]]["image"] for i in subjects.groups["control"]])
        policy = Policy(prompt_from=source, seeds=seeds)
        effort = DoseEffort(seeds=seeds // policy.prompts, steps=policy.steps, guidance=policy.guidance)
        named = [(f"{work}#{n}" if n else work, text) for work, texts in zip(subjects.ids, prompts, strict=True)
                 for n, text in enumerate(texts)]
        bank = fill(world, named, effort=effort, folder=folder, model=stamp, device=device).of_works(policy.prompts)
        values = measure.closest(subjects.small, bank)
        found = measure.told(subjects, [texts[0] for texts in prompts], pictures)
        part, kept = _one(subjects, bank, prompts, values, found, policy, encoder, model=model)
        controls[policy.id] = to_json(kept)
        if other:
            part["crossover"] = crossover(subjects, other, prompts, rows, effort=effort, values=values, found=found,
                                          controls=kept, folder=folder, device=device)
        part["arithmetic"] = arithmetic(model, subjects, prompts, policy, values=values, found=found, controls=kept)
        result[name] = part
        print(name, json.dumps({k: part[k] for k in ("auc", "tpr_at_1_fpr")}), flush=True)
        if name == "true_caption":
            result["robustness"] = robustness(subjects, bank, captions, pictures, kept)
            result["door_check"] = door_check(world, rows, bank, encoder)
            result["img2img_false_rate"] = img2img_trap(model, every, captions, works=trap_works, found=found,
                                                        controls=kept)
    result |= _top(result, fewer, encoder, captions[:len(blind)], blind)
    result |= {"fingerprint": stamp, "model_fingerprint": model.ref.fingerprint, "seeds": seeds,
               "date": datetime.now(UTC).date().isoformat(), "crossover": _crossover(result, other),
               "device": str(device),
               "works": {name: len(rows) for name, rows in every.groups.items()},
               "blind_works": {name: len(rows) for name, rows in fewer.groups.items()}}
    return result, controls


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
    path = folder / f"recovered-{Policy().id}.json"
    found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    encoder, terms = load_encoder("world"), choose_lists(("collection",), collection=all_words(rows))
    for name, rgb in zip(subjects.ids, subjects.shown, strict=True):
        if name not in found:
            made = recover_prompts(encoder, rgb, subject_id=name, terms=terms, cache=folder / "terms")
            found[name] = [prompt.text for prompt in made]
            if len(found) % 50 == 0:
                write_json(path, found)
    write_json(path, found)
    return [found[name] for name in subjects.ids]


def _one(subjects: measure.Subjects, bank: Bank, prompts: list[Sequence[str]], values: np.ndarray,
         found: list[dict], policy: Policy, encoder, *, model: Model) -> tuple[dict, ControlResults]:
    """All figures of one source of prompts, and its controls."""
    nearest = measure.tiled(subjects.small, bank).argmin(1) // bank.effort.seeds  # whose prompt came closest
    controls = measure.as_controls(subjects, found, values, policy, model=model.ref.fingerprint,
                                   bits=_bits(prompts, nearest, policy, encoder, model))
    ours, p = measure.excess(values, found, controls), measure.p_values(values, found, controls)
    groups = subjects.groups
    strong, test = np.concatenate([groups[g] for g in measure.STRONG]), groups["test"]
    by = {g: {**measure.separation(ours, groups[g], test), "flagged_at_1": measure.flagged(p[groups[g]], 0.01),
              "flagged_at_5": measure.flagged(p[groups[g]], 0.05), "given_p": measure.share(p[groups[g]] <= 1),
              "median_tiled_l2": float(np.median(values[groups[g]]))}
          for g in ("1", "4", "16", "64", "256", "64_captions", "64_images")}
    flagged = {f"flagged_at_{n}": {"held_out": measure.flagged(p[test], n / 100),
                                   "strangers": measure.flagged(p[groups["stranger"]], n / 100)} for n in (1, 5)}
    methods = measure.other_methods(subjects, bank, values, _cosines(subjects, bank, encoder))
    part = {**measure.separation(ours, strong, test), "unet_evaluations": bank.unet_evaluations,
            "by_multiplicity": by, **flagged, "policy": policy.id,
            "given_p": {"held_out": measure.share(p[test] <= 1),
                             "strangers": measure.share(p[groups["stranger"]] <= 1)},
            "baselines": measure.beside_ours(subjects, ours, methods, found),
            "explained": controls.expectation.explained}
    return part, controls


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
    levels = {name: true[name] for name in ("flagged_at_1", "flagged_at_5")}
    calibrated = all(part["low"] <= n / 100 for name in ("true_caption", "blind") for n in (1, 5)
                     for part in result[name][f"flagged_at_{n}"].values())
    return {**levels, "by_multiplicity": true["by_multiplicity"], "baselines": true["baselines"],
            "calibrated": calibrated,
            "blind_prompt_auc": {"auc": apart.value, "low": apart.low, "high": apart.high},
            "flagged": {result[n]["policy"]: {k: result[n][k] for k in ("flagged_at_1", "flagged_at_5")}
                        for n in ("true_caption", "blind")}}


if __name__ == "__main__":
    main()
