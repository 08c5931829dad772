"""The findings benchmark's stored result as the README's table; a test compares the two."""

from __future__ import annotations

from typing import Any

NAMES = {"best_of_n_tiled_l2": "best of the seeds, tiled ℓ2 alone",
         "clip_similarity": "best of the seeds, CLIP alone",
         "carlini_cliques": "cliques (Carlini et al. 2023), target-free",
         "wen_first_step": "prompt's pull, first step (Wen et al. 2024), target-free",
         "wen_all_steps": "prompt's pull, all steps (Wen et al. 2024), target-free",
         "bright_ending": "Bright Ending (Chen et al. 2025), target-free",
         "one_step": "one step (Webster 2023), target-free"}


def table(stored: dict[str, Any]) -> str:
    """Markdown: how methods separate works seen 64 and 256 times from held-out ones; error rates; the crossover."""
    head = ["| method | own caption: AUC | TPR at 1% FPR | AUC with our controls | recovered prompts: AUC "
            "| TPR at 1% FPR | AUC with our controls |", "|---|---|---|---|---|---|---|"]
    true, blind = stored["true_caption"], stored["blind"]
    rows = [_row("**measured test**", true, blind)]
    rows += [_row(name, true["baselines"].get(key), blind["baselines"].get(key)) for key, name in NAMES.items()]
    of = "of all tested" if "given" in true["flagged_at_5"]["held_out"] else "of those with a p-value"
    dose = ["", f"| seen in training | own caption: AUC | flagged at p ≤ 0.05, {of} "
            f"| recovered prompts: AUC | flagged at p ≤ 0.05, {of} |", "|---|---|---|---|---|"]
    for seen in ("1", "4", "16", "64", "256"):
        times = "once" if seen == "1" else f"{seen} times"
        a, b = true["by_multiplicity"][seen], blind["by_multiplicity"][seen]
        dose.append(f"| {times} | {a['auc']:.3f} | {_share(a['flagged_at_5'])} | {b['auc']:.3f} | "
                    f"{_share(b['flagged_at_5'])} |")
    for group, name in (("held_out", "never (held out)"), ("strangers", "never, nor the instruments (strangers)")):
        flagged = (_share(part["flagged_at_5"][group]) for part in (true, blind))
        dose.append("| " + " | – | ".join((name, *flagged)) + " |")
    return "\n".join([*head, *rows, *dose, *validity(stored), *_within(stored.get("crossover"))])


def validity(stored: dict[str, Any]) -> list[str]:
    """Wrong flags by complexity and of one-artist sets, and the ratio of a flag; [] in results of an older make."""
    true, blind = stored["true_caption"], stored["blind"]
    if "by_fifth" not in true:
        return []
    rows = [(f"{n} fifth of the controls by complexity, each ranked by the others",
             [_share(part["by_fifth"][i]) for part in (true, blind)])
            for i, n in enumerate(("simplest", "second", "third", "fourth", "busiest"))]
    rows += [("sets by one artist to most of whose works a p-value is given",
              [_share(part["one_artist_sets"]["p_given"]) for part in (true, blind)]),
             ("their works flagged, of those with a p-value",
              [_share(part["one_artist_sets"]["false_at_5"]) for part in (true, blind)]),
             ("twenty captions tried first, the best given: flagged as counted",
              [_share(stored["caption_shopping"]), "–"]),
             ("the same were it not counted", [_share(stored["caption_shopping"]["uncounted"]), "–"])]
    rows += [(f"likelihood ratio of a flag, seen {n} times",
              [_ratio(part["likelihood_ratio"].get(n)) for part in (true, blind)])
             for n in ("1", "4", "16", "64", "256")]
    rows += [(f"Cllr (at best), seen {n.replace('_', ' ')} times",
              [_cost(part["cllr"].get(n)) for part in (true, blind)])
             for n in ("1", "4", "16", "64", "256", "64_or_more") if n in true["cllr"] or n in blind["cllr"]]
    return ["", "| wrong flags at p ≤ 0.05, and ratios | own caption | recovered prompts |", "|---|---|---|",
            *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)]


def _ratio(found: dict[str, Any] | None) -> str:
    if found is None:
        return "–"
    least = {"at_least": "at least ", "at_most": "at most "}.get(found["bounded"], "")
    high = "no limit" if found["high"] is None else f"{found['high']:.1f}"
    return f"{least}{found['value']:.1f} ({found['low']:.1f}–{high}), {found['works']} seen works"


def _cost(found: dict[str, Any] | None) -> str:
    return f"{found['cllr']:.2f} ({found['cllr_min']:.2f})" if found else "–"


def _within(found: dict[str, Any] | None) -> list[str]:
    """The same works under the model that saw them and under the one that did not; [] where it was not measured."""
    if not found:
        return []
    parts = [found[name][f"trained_in_draw_{draw}"] for name in ("true_caption", "blind") for draw in (1, 2)]
    rows = [("the model that saw it comes closer", [_share(p["seen_is_closer"]) for p in parts]),
            ("median closest distance, seen / not seen",
             ["{seen:.3f} / {unseen:.3f}".format(**p["median_tiled_l2"]) for p in parts])]
    rows += [(f"flagged at p ≤ {level}, {words}", [_share(p[key][name]) for p in parts])
             for level, key in (("0.05", "flagged_at_5"), ("0.01", "flagged_at_1"))
             for name, words in (("seen", "seen"), ("unseen", "not seen"))]
    heads = [f"{words}: {part['works']} works seen by the {which} model" for words, which, part in zip(
        ("own caption",) * 2 + ("recovered prompts",) * 2, ("first", "second") * 2, parts, strict=True)]
    return ["", f"| one work under two models: seen 64 or 256 times, and never | {' | '.join(heads)} |",
            "|---|---|---|---|---|", *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows)]


def _row(name: str, *parts: dict[str, Any] | None) -> str:
    """A method with own captions and with recovered prompts; None where it has no meaning there."""
    cells = []
    for part in parts:
        same = (part or {}).get("with_our_controls")
        cells += [_area(part), f"{part['tpr_at_1_fpr']:.2f}"] if part else ["–", "–"]
        cells.append(f"{same['auc']:.3f}" if same else "–")
    return f"| {name} | {' | '.join(cells)} |"


def _area(found: dict[str, float]) -> str:
    return f"{found['auc']:.3f} ({found['low']:.3f}–{found['high']:.3f})"


def _share(found: dict[str, float]) -> str:
    return f"{found['share']:.1%} ({found['low']:.1%}–{found['high']:.1%}) of {found['works']}"
