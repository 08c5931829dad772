"""Figures of the findings benchmark from a bank: excess, ranks, and the same for every other method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.findings.control_fit import check_subject, control_distances
from explorer.findings.features import PREDICTORS, features, fit_expectation, rivals
from explorer.findings.finding import WORLD_SOURCE, ControlResults
from explorer.findings.ranking import excesses, position
from explorer.findings.signals.bright_ending import masked_magnitude
from explorer.findings.signals.cliques import largest_clique, pairwise_tiled
from explorer.findings.signals.wen import magnitude
from explorer.records.policy import Policy
from explorer.statistics import Interval, auc, auc_interval, rank_p_value, share_interval, tpr_interval
from explorer.world_build.dose_replays import noise
from tests.benchmarks.findings_bank import Bank

STRONG = ("64", "256")
CHUNK = 100  # works whose distances are computed at once


@dataclass(frozen=True)
class Subjects:
    """The works of a bank: pictures at 64 px and as shown, prompts, and who plays which part."""

    ids: tuple[str, ...]
    small: np.ndarray  # (n, 64, 64, 3) uint8, as replays are compared with
    shown: Sequence[np.ndarray]  # (h, w, 3) uint8
    groups: dict[str, np.ndarray]  # part to positions


def closest(pictures: np.ndarray, bank: Bank) -> np.ndarray:
    """(n,) least tiled distance of each work's replays to its picture, in [0, 1]."""
    return tiled(pictures, bank).min(1)


def tiled(pictures: np.ndarray, bank: Bank) -> np.ndarray:
    """(n, s) tiled distance of every replay to its work's picture."""
    return np.concatenate([_tiled(pictures[i:i + CHUNK], bank.images[i:i + CHUNK])
                           for i in range(0, len(pictures), CHUNK)])


def _tiled(pictures: np.ndarray, images: np.ndarray) -> np.ndarray:
    """(n, s) tiled distance of (n, s, 64, 64, 3) to (n, 64, 64, 3), both uint8; as scores.tiled_l2."""
    n, seeds = images.shape[:2]
    gap = (images.astype(np.float32) - pictures[:, None].astype(np.float32)) / 255
    tiles = gap.reshape(n, seeds, 4, 16, 4, 16, 3)
    return np.sqrt(np.einsum("nsaxbyc,nsaxbyc->nsab", tiles, tiles).reshape(n, seeds, 16).max(2) / 768)


def told(subjects: Subjects, prompts: Sequence[str], pictures: np.ndarray, *, shown=None) -> list[dict[str, float]]:
    """Model-free predictors of every work; `pictures` are the controls', in the order of their part."""
    place = {int(i): k for k, i in enumerate(subjects.groups["control"])}
    shown = subjects.shown if shown is None else shown
    return [features(rgb, caption=prompt) | rivals(rgb, pictures, leave_out=place.get(i, -1))
            for i, (rgb, prompt) in enumerate(zip(shown, prompts, strict=True))]


def as_controls(subjects: Subjects, found: list[dict[str, float]], values: np.ndarray, policy: Policy,
                *, model: str, bits: Sequence[float]) -> ControlResults:
    """The control works' results, with what the tuning works predict; `bits` were supplied for each work."""
    tuning, control = subjects.groups["tuning"], subjects.groups["control"]
    expectation = fit_expectation([found[i] for i in tuning], values[tuning].tolist(), names=PREDICTORS, log=True)
    return ControlResults(
        id=f"world {policy.id}", source=WORLD_SOURCE, model_fingerprint=model, score=policy.score,
        effort_each=policy.effort(), names=tuple(subjects.ids[i] for i in control),
        values=tuple(map(float, values[control])), features=tuple(found[i] for i in control),
        expectation=expectation, policy=policy.id, bits=tuple(float(bits[i]) for i in control))


def excess(values: np.ndarray, found: Sequence[dict[str, float]], controls: ControlResults) -> np.ndarray:
    """(n,) closeness over what each work's predictors let one expect; higher is closer."""
    return np.array([controls.expectation.excess(float(v), f, better="lower")
                     for v, f in zip(values, found, strict=True)])


def p_values(values: np.ndarray, found: Sequence[dict[str, float]], controls: ControlResults, *,
             one_spread: bool = True) -> np.ndarray:
    """(n,) rank p-values as the app gives them; 2 where controls do not fit and none is given."""
    spread = control_distances(controls.features)
    return np.array([rank_p_value(*excesses(float(v), f, controls, one_spread=one_spread))
                     if check_subject(f, controls.features, distances=spread).fits else 2.0
                     for v, f in zip(values, found, strict=True)])


def positions(values: np.ndarray, found: Sequence[dict[str, float]], controls: ControlResults) -> np.ndarray:
    """(n,) how far each work stands from the controls' middle, in mean distances from it."""
    return np.array([position(*excesses(float(v), f, controls)) for v, f in zip(values, found, strict=True)])


def share(hits: np.ndarray) -> dict[str, float]:
    """A share with its exact interval."""
    found = share_interval(int(np.sum(hits)), len(hits))
    return {"share": found.value, "low": found.low, "high": found.high, "works": len(hits)}


def flagged(p: np.ndarray, level: float) -> dict[str, float]:
    """The share of works flagged at `level`, of all that were tested (2: no p-value was given, so not flagged).

    `given` counts those with a p-value, `share_given` is of them alone.
    """
    given = p[p <= 1]
    return {**share(p <= level), "given": len(given), "share_given": share(given <= level)["share"]}


def separation(score: np.ndarray, positives: np.ndarray, negatives: np.ndarray) -> dict[str, float]:
    """AUC and the share of positives above all but 1% of negatives, with their intervals."""
    area = auc_interval(score[positives], score[negatives])
    found = tpr_interval(score[positives], score[negatives])
    return {"auc": area.value, "low": area.low, "high": area.high, "tpr_at_1_fpr": found.value,
            "tpr_low": found.low, "tpr_high": found.high}


def other_methods(subjects: Subjects, bank: Bank, values: np.ndarray, cosine: np.ndarray) -> dict[str, tuple]:
    """Each method's score, higher for held by the model, and the network evaluations that it spends a work.

    `cosine` (n,) is the best CLIP cosine of a work's replays to it. Over one prompt's seeds the target-free
    scores are averaged, as in their papers; over several prompts too, which the papers do not do. Cliques are
    left out where there are several prompts: they are of one prompt's replays.
    """
    seeds, whole = bank.images.shape[1], bank.unet_evaluations
    pull = magnitude(bank.difference)  # (n, s, steps)
    start = np.concatenate([noise(seed).numpy() for seed in range(bank.effort.seeds)])
    start = np.tile(start, (seeds // bank.effort.seeds, 1, 1, 1))  # each prompt's seeds begin from 0
    first = ((bank.one_step.astype(np.float32) - start) ** 2).mean((2, 3, 4)).mean(1)
    one_prompt = seeds == bank.effort.seeds
    return {
        "best_of_n_tiled_l2": (-values, whole),
        **({"carlini_cliques": (_cliques(subjects, bank), whole)} if one_prompt else {}),
        "wen_first_step": (pull[:, :, 0].mean(1), 2 * seeds),
        "wen_all_steps": (pull.mean((1, 2)), whole),
        "bright_ending": (masked_magnitude(bank.difference, bank.ending).mean(1), whole),
        "one_step": (first, 2 * seeds),
        "clip_similarity": (cosine, whole),
    }


def _cliques(subjects: Subjects, bank: Bank) -> np.ndarray:
    """(n,) size of the largest clique; near is the 1% quantile of distances between a tuning work's replays."""
    between = [pairwise_tiled(images) for images in bank.images]
    upper = np.triu_indices(bank.images.shape[1], 1)
    threshold = float(np.quantile([between[i][upper] for i in subjects.groups["tuning"]], 0.01))
    return np.array([len(largest_clique(d, threshold=threshold)) for d in between], float)


def beside_ours(subjects: Subjects, ours: np.ndarray, methods: dict[str, tuple], found: Sequence[dict]) -> dict:
    """Every other method's figures, plain and after taking off what the tuning works predict of it."""
    groups, result = subjects.groups, {}
    strong, negatives = np.concatenate([groups[g] for g in STRONG]), groups["test"]
    rare = np.concatenate([groups["4"], groups["16"]])
    for name, (score, spent) in methods.items():
        tuning = groups["tuning"]
        model = fit_expectation([found[i] for i in tuning], score[tuning].tolist(), names=PREDICTORS)
        less = np.array([model.excess(float(s), f, better="higher") for s, f in zip(score, found, strict=True)])
        gain = paired_bootstrap((ours[rare], ours[negatives]), (score[rare], score[negatives]))
        gain_less = paired_bootstrap((ours[rare], ours[negatives]), (less[rare], less[negatives]))
        result[name] = {
            **separation(score, strong, negatives), "unet_evaluations": spent,
            "with_our_controls": separation(less, strong, negatives),
            "at_4": separation(score, groups["4"], negatives), "at_16": separation(score, groups["16"], negatives),
            "ours_better_at_4_and_16": _interval(gain),
            "ours_better_than_with_our_controls": _interval(gain_less)}
    return result


def _interval(found) -> dict[str, float]:
    return {"auc_difference": found.value, "low": found.low, "high": found.high}


def paired_bootstrap(one: tuple[Sequence[float], Sequence[float]],
                     other: tuple[Sequence[float], Sequence[float]], *, draws: int = 2000,
                     seed: int = 0) -> Interval:
    """Difference in AUC of two methods on the same works, with its 95 % bootstrap interval.

    Each method is (positives, negatives) in the same order of works; works are drawn, not scores, so
    that a work counts alike for both.
    """
    a, b = ([np.asarray(part, float) for part in method] for method in (one, other))
    if len(a[0]) != len(b[0]) or len(a[1]) != len(b[1]):
        raise ValueError("both methods must have scored the same works")
    draw = np.random.default_rng(seed)
    differences = []
    for _ in range(draws):
        i, j = (draw.integers(0, len(part), len(part)) for part in a)
        differences.append(auc(a[0][i], a[1][j]) - auc(b[0][i], b[1][j]))
    low, high = np.quantile(differences, [0.025, 0.975])
    return Interval(auc(*a) - auc(*b), float(low), float(high))
