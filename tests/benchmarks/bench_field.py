"""What files say of themselves: how much is read, replayed, named and wrong, by program; the last line is JSON.

    python tests/benchmarks/bench_field.py [--lines 12000] [--graphs 400] [--files 60] [--replays 2] [--store]
    python tests/benchmarks/bench_field.py --stored

Settings lines, graphs and whole picture files are generated with their truth (`field_lines`, `field_graphs`,
`field_programs`). `read`: settings were found; `replayed`: the recipe ran to its end on the bundled model (in two
steps, 64 px); `named`: recipes with parts that are said not to be replayed; `silent_wrong`: values other than the
truth without a sentence on it.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

KEYS = ("read", "replayed", "named", "silent_wrong")
Counts = dict[str, Counter]


def lines(count: int, seed: int, counts: Counts) -> list[Any]:
    """A1111's line in every dialect, through to the recipe."""
    from explorer.images.settings.a1111 import from_text
    from explorer.images.settings.harmless import says_nothing
    from tests.benchmarks.field_lines import line, wrong
    kept = []
    for number in range(count):
        one = line(random.Random(f"line {seed} {number}"))
        made, tally = from_text(one.text), counts[one.dialect]
        found = wrong(one)
        recipe = _recipe(made)
        told = " ".join(recipe.not_replayable) if recipe else ""
        found += [k for k, v in one.extensions.items() if recipe and not says_nothing(k, v) and k not in told]
        _count(tally, made, recipe, found, one.text)
        if recipe is not None and number < 400:
            kept.append((one.dialect, recipe))
    return kept


def graphs(count: int, seed: int, counts: Counts) -> list[Any]:
    """ComfyUI's graphs in either form, through to the recipe."""
    from explorer.images.settings.comfy import from_graph
    from explorer.images.settings.comfy_graph import read_graph
    from tests.benchmarks.field_graphs import graph, wrong
    kept = []
    for number in range(count):
        one = graph(random.Random(f"graph {seed} {number}"))
        read = read_graph(one.text)
        passes = from_graph(read) if read is not None else []
        recipe = _recipe(passes[0]) if passes else None
        _count(counts["ComfyUI"], passes[0] if passes else None, recipe, wrong(one), one.text)
        if recipe is not None:
            kept.append(("ComfyUI", recipe))
    return kept


def files(count: int, seed: int, counts: Counts) -> list[Any]:
    """Whole picture files of the other programs, and A1111's line in every container, through the sandbox."""
    from explorer.images.metadata import read_metadata
    from tests.benchmarks import field_programs as programs
    kept = []
    for number in range(count):
        dice = random.Random(f"file {seed} {number}")
        for make in (*programs.PROGRAMS, contained):
            one = make(dice)
            found = read_metadata(one.data).generation
            recipe = _recipe(found[0]) if found else None
            told = " ".join(recipe.not_replayable) if recipe else ""
            wrong = [k for k, v in one.truth.items() if not found or getattr(found[0], k) != v]
            wrong += [words for words in one.named if words not in told]
            _count(counts[one.program], found[0] if found else None, recipe, wrong, repr(one.truth))
            kept += [(one.program, recipe)] if recipe is not None else []
    return kept


def contained(dice: random.Random) -> Any:
    """A1111's line in a PNG, in EXIF of any encoding, in a GIF's comment or in the pixels."""
    from tests.benchmarks import field_programs as programs
    truth = {k: v for k, v in programs.common(dice).items() if k not in ("prompt", "negative_prompt")}
    truth |= {"prompt": "a fox, 狐, häßlich", "negative_prompt": "fog", "sampler": "Euler a"}
    text = (f"{truth['prompt']}\nNegative prompt: fog\nSteps: {truth['steps']}, Sampler: Euler a, CFG scale: "
            f"{truth['guidance']}, Seed: {truth['seed']}, Size: {truth['width_px']}x{truth['height_px']}")
    kind = dice.choice((lambda t, d: programs.png({"parameters": t}, d), programs.exif, programs.comment,
                        programs.stealth))
    return programs.File("A1111 in every container", kind(text, dice), truth)


def _recipe(made: Any) -> Any:
    from explorer.errors import ExplorerError
    from explorer.images.imported import recipe_from
    from explorer.records import ModelRef
    try:
        return recipe_from(made, ModelRef("world", "f" * 64, "sd1")) if made is not None else None
    except ExplorerError:
        return None


def _count(tally: Counter, made: Any, recipe: Any, wrong: list[str], text: str) -> None:
    tally["read"] += made is not None
    tally["named"] += recipe is not None and bool(recipe.not_replayable)
    tally["silent_wrong"] += bool(wrong)
    if wrong:
        print(f"wrong: {wrong[:5]} in {text[:300]!r}", flush=True)


def replays(kept: list[Any], each: int, counts: Counts) -> None:
    """Runs recipes of each program on the bundled model, two steps of 64 px: does the loop take them?"""
    from explorer.diffusion.models import load_model
    from explorer.diffusion.sampling import sample
    from explorer.errors import ExplorerError
    model, tried = load_model("world", device="cpu"), Counter()
    for program, recipe in kept:
        if counts[program]["replayed"] >= each or tried[program] >= 20 * each:
            continue
        tried[program] += 1
        plain = replace(recipe, model=model.ref, width_px=64, height_px=64, steps=2, not_replayable=(),
                        precision=model.precision)
        try:
            counts[program]["replayed"] += len(sample(model, [plain]))
        except ExplorerError as error:  # a prompt that changes between steps, say: refused in a sentence
            print(f"{program}: {error}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("lines", 12000), ("graphs", 400), ("files", 60), ("replays", 2), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=count)
    options.add_argument("--store", action="store_true", help="keep the result for --stored")
    options.add_argument("--stored", action="store_true", help="print the last result that was kept")
    given = options.parse_args()
    from tests.benchmarks.stored import store, stored
    if given.stored:
        print(stored("bench_field"))
        return
    counts: Counts = defaultdict(Counter)
    kept = lines(given.lines, given.seed, counts) + graphs(given.graphs, given.seed, counts)
    kept += files(given.files, given.seed, counts)
    if given.replays:
        replays(kept, given.replays, counts)
    result = {"programs": {name: {key: tally[key] for key in KEYS} for name, tally in sorted(counts.items())},
              "lines": given.lines, "graphs": given.graphs,
              "silent_wrong": sum(tally["silent_wrong"] for tally in counts.values())}
    for name, tally in result["programs"].items():
        print(f"{name:28} " + "  ".join(f"{key} {value}" for key, value in tally.items()))
    text = json.dumps(result, sort_keys=True)
    if given.store:
        store("bench_field", result)
    print(text)


if __name__ == "__main__":
    main()
