"""Attacks on every door, and what came of them; the last line is JSON.

    python tests/benchmarks/bench_safety.py [--inputs 20000] [--addresses 200] [--scripts 300] [--models 500]
                                            [--hosts 200] [--faults 100] [--collections 2000]
                                            [--only fuzz,network,scripts,people,offline,models,lookups,hosts,
                                                    verify,collections]
                                            [--seconds 0] [--seed 1] [--keep FOLDER] [--store]
    python tests/benchmarks/bench_safety.py --stored

`--store` keeps the result of the parts that ran beside those of earlier runs, `--stored` prints it. `--seconds`
ends the fuzzing or the scripts early (the number reached is printed); with `--keep` the next run goes on from
there. Another `--seed` gives other inputs. All traffic stays on this computer: a guard under every socket of this
process counts, and stops, whatever would leave. Scripts and people need Chromium (Debian: chromium).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.stored import store, stored

PARTS = ("fuzz", "network", "scripts", "people", "offline", "models", "lookups", "hosts", "verify",
         "collections")
NAME = "bench_safety"


def fuzzing(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Four fifths of the inputs through the doors, a fifth by atheris in the parsers, where it is installed."""
    from tests.benchmarks.safety_fuzz import Tally, fuzz, guided
    parsed = options.inputs // 5 if importlib.util.find_spec("atheris") else 0
    until, files = time.monotonic() + (options.seconds or math.inf), {}
    if options.keep:
        files = {name: options.keep / f"{name}.json" for name in ("fuzz", "guided")}
    found = [fuzz(options.inputs - parsed, folder, seed=options.seed, seconds=until - time.monotonic(),
                  keep=files.get("fuzz")),
             guided(parsed, folder, seed=options.seed, seconds=until - time.monotonic(), keep=files.get("guided"))]

    def total(name: str) -> int:
        return sum(getattr(tally, name) for tally in found)

    def most(part: str) -> int:
        return round(max(tally.most_mb[part] for tally in found))
    return {"inputs": total("inputs"), "by_atheris": found[1].inputs, "refused": total("refused"),
            "unclear": total("unclear"), "crashes": total("crashes"), "hangs": total("hangs"),
            "over_memory": total("over_memory"), "escaped_files": total("escaped"),
            "slowest_s": max(t.slowest_s for t in found), "busiest_s": max(t.busiest_s for t in found),
            "most_mb": {part: most(part) for part in Tally().most_mb}}


def network(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_network import attack
    return attack(options.addresses)


def scripts(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_scripts import attack
    return attack(options.scripts, folder, seconds=options.seconds or math.inf,
                  keep=options.keep / "scripts.json" if options.keep else None)


def people(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_people import attack
    return attack(folder)


def offline(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_offline import prove
    return prove(folder)


def models(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_models import attack
    return attack(options.models, folder, seed=options.seed)


def lookups(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_lookups import attack
    return attack(folder)


def hosts(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_foreign import attack
    return attack(options.hosts, folder)


def verify(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_verify import attack
    return attack(options.faults, folder, seed=options.seed)


def collections(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_collections import attack
    return attack(options.collections, folder, seed=options.seed, seconds=options.seconds or math.inf,
                  keep=options.keep / "collections.json" if options.keep else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("inputs", 20_000), ("addresses", 200), ("scripts", 300), ("models", 500), ("hosts", 200),
                        ("faults", 100), ("collections", 2_000), ("seconds", 0), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, with commas between them")
    parser.add_argument("--keep", type=Path, help="folder in which these note how far they have come")
    parser.add_argument("--store", action="store_true", help="keep the result for --stored")
    parser.add_argument("--stored", action="store_true", help="print the last result that was kept")
    options = parser.parse_args()
    if options.stored:
        print(stored(NAME))
        return
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    run = {"fuzz": fuzzing, "network": network, "scripts": scripts, "people": people, "offline": offline,
           "models": models, "lookups": lookups, "hosts": hosts, "verify": verify,
           "collections": collections}
    parts = [part for part in PARTS if part in options.only.split(",")]
    result: dict[str, Any] = {}
    begun = time.monotonic()
    for name in parts:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            result |= (found := run[name](options, Path(folder).resolve()))
        print(f"{name}: {found}", flush=True)
        if options.store:
            store(NAME, found, parts=(name,))
    print(json.dumps(result | {"elapsed_s": round(time.monotonic() - begun, 1)}))


if __name__ == "__main__":
    main()
