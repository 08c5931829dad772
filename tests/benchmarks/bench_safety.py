"""Attacks on every door, and what came of them; the last line is JSON.

    python tests/benchmarks/bench_safety.py [--inputs 20000] [--addresses 200] [--scripts 300]
                                            [--only fuzz,network,scripts,people,offline]
                                            [--seconds 0] [--seed 1]

`--seconds` ends the fuzzing early (the number reached is printed); another `--seed` gives other inputs, so
a long run can be made in parts. All traffic stays on this computer: a guard under every socket of this
process counts, and stops, whatever would leave. Scripts and people need Chromium (Debian: chromium).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

PARTS = ("fuzz", "network", "scripts", "people", "offline")


def fuzzing(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_fuzz import fuzz
    found = fuzz(options.inputs, folder, seed=options.seed, seconds=options.seconds or math.inf)
    return {"inputs": found.inputs, "refused": found.refused, "unclear": found.unclear, "crashes": found.crashes,
            "hangs": found.hangs, "over_memory": found.over_memory, "escaped_files": found.escaped,
            "slowest_s": found.slowest_s, "busiest_s": found.busiest_s,
            "most_mb": {k: round(v) for k, v in found.most_mb.items()}}


def network(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_network import attack
    return attack(options.addresses)


def scripts(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_scripts import attack
    return attack(options.scripts, folder)


def people(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_people import attack
    return attack(folder)


def offline(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.safety_offline import prove
    return prove(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("inputs", 20_000), ("addresses", 200), ("scripts", 300), ("seconds", 0), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, with commas between them")
    options = parser.parse_args()
    run = {"fuzz": fuzzing, "network": network, "scripts": scripts, "people": people, "offline": offline}
    result: dict[str, Any] = {}
    begun = time.monotonic()
    for name in [part for part in PARTS if part in options.only.split(",")]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            result |= run[name](options, Path(folder).resolve())
        print(f"{name}: {result}", flush=True)
    print(json.dumps(result | {"elapsed_s": round(time.monotonic() - begun, 1)}))


if __name__ == "__main__":
    main()
