"""Inputs that atheris makes up by what they reach in the parsers of metadata, manifests and recipes.

Run as a program this is the process that parses; it prints a JSON line for each input, as safety_fuzz does.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

TARGETS = ("metadata", "manifest", "recipe")
LONGEST = 65_536  # bytes of one input
SEEDS = 60


def parser(target: str, work: Path) -> Callable[[bytes], object]:
    """What reads such bytes when a person opens a file; metadata as the decoder process does, in this one."""
    if target == "manifest":
        return _doors(work).one_file
    if target == "metadata":
        return _metadata
    from explorer.cases.recipes_text import recipe_from_json, recipe_from_png
    return lambda data: recipe_from_png(data) if data[:1] == b"\x89" else recipe_from_json(data)


@functools.cache
def _doors(work: Path) -> Any:
    from tests.benchmarks.safety_doors import Doors
    return Doors(work, 1)


def _metadata(data: bytes) -> None:
    from explorer.errors import ExplorerError
    from explorer.images.formats import check_kind
    from explorer.images.imported import recipe_from
    from explorer.images.metadata import _embedded
    from explorer.images.parse import parse
    from tests.cases.made import make_recipe
    check_kind(data)
    for generation in _embedded(json.loads(json.dumps(parse(data)))).generation:
        with contextlib.suppress(ExplorerError):
            recipe_from(generation, make_recipe().model)


def seeds(target: str, folder: Path, work: Path) -> Path:
    """A folder of sound and of hostile inputs that atheris starts from."""
    from tests.benchmarks import safety_inputs as made
    dice = random.Random(target)
    if target == "metadata":
        data = [*made.base_images(), *(d for d in made.hostile_images() if len(d) < LONGEST),
                *(made.metadata(dice) for _ in range(SEEDS))]
    elif target == "recipe":
        data = [made.recipe_text(dice) for _ in range(SEEDS)]
    else:
        data = [bytes([n]) + body for n, (_, body) in enumerate(_doors(work).records())]
    folder.mkdir(parents=True, exist_ok=True)
    for number, body in enumerate(data):
        (folder / f"{number:03d}").write_bytes(body)
    return folder


def run(target: str, first: int, last: int, *, work: Path, seed: int) -> None:
    """Feeds inputs `first` to `last` to the parser, then ends this process."""
    import atheris
    with atheris.instrument_imports(include=["explorer", "rfc8785"]):
        take = parser(target, work)
        for body in sorted(seeds(target, work / f"seeds-{target}-{first}", work).iterdir())[:9]:
            with contextlib.suppress(Exception):  # imports and their caches come before the watch
                take(body.read_bytes())
    from explorer.errors import ExplorerError
    from tests.benchmarks.safety_fuzz import peak_mb, watch_writes
    escaped, number = watch_writes(work), first

    def one(data: bytes) -> None:
        nonlocal number
        begun, spent, how, words, fault = time.monotonic(), time.process_time(), "taken", "", ""
        try:
            take(data)
        except ExplorerError as error:
            how, words = "refused", str(error)
        except Exception as error:
            how, fault = "crash", f"{type(error).__name__}: {error} {data[:200]!r}"[:600]
        print(json.dumps({
            "n": number, "kind": f"atheris {target}", "how": how, "words": words[:400], "fault": fault,
            "escaped": escaped, "s": round(time.monotonic() - begun, 3), "sandbox_mb": peak_mb("self"),
            "busy_s": round(time.process_time() - spent, 3), "mb": 0.0}), flush=True)
        escaped.clear()
        number += 1
        if number >= last:
            os._exit(0)

    print(json.dumps({"ready": True}), flush=True)
    atheris.Setup([sys.argv[0], f"-seed={seed * 1000 + first + 1}", f"-max_len={LONGEST}", "-timeout=60",
                   "-rss_limit_mb=0", f"-artifact_prefix={work}/", str(work / f"seeds-{target}-{first}")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("target", choices=TARGETS)
    for name in ("first", "last"):
        given.add_argument(name, type=int)
    given.add_argument("work", type=Path)
    given.add_argument("seed", type=int)
    options = given.parse_args()
    run(options.target, options.first, options.last, work=options.work.resolve(), seed=options.seed)
