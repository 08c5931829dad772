"""Kills, faults of the disk, and forgeries: what is lost, doubled or overlooked. The last line is JSON.

    python tests/benchmarks/bench_faults.py [--kills 200] [--io-faults 80] [--byte-changes 1000]
                                            [--log-edits 100] [--chains 100] [--replays 10000] [--exhibits 5]
                                            [--store]
    python tests/benchmarks/bench_faults.py --stored

With a C compiler at hand, disk faults are injected below SQLite and Python, at the N-th write, fsync or
rename of a process (a failing write leaves half of its bytes); without one, only beneath the blobs.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from explorer.cases import seals
from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from tests.benchmarks import faults_forge as forge
from tests.benchmarks import faults_io as disk
from tests.benchmarks import faults_kill as kill
from tests.benchmarks.faults_check import Losses, fill
from tests.benchmarks.stored import add_options, conclude, stored
from tests.cases.authority import Authority
from tests.cases.made import make_replay


def log(text: str) -> None:
    print(text, flush=True)


def kills(count: int, folder: Path, dice: random.Random) -> dict[str, Any]:
    """Half of the kills hit a writer, a quarter an export, a quarter a worker."""
    losses = Losses()
    kill.writers(count // 2, folder / "writers", dice, losses)
    log(f"writers: {losses}")
    kill.exports(count // 4, folder / "exports", dice, losses)
    log(f"exports: {losses}")
    kill.workers(count - count // 2 - count // 4, folder / "workers", dice, losses)
    log(f"workers: {losses}")
    return {"kills": losses.events, "lost": losses.lost, "duplicated": losses.duplicated,
            "unopenable": losses.unopenable}


def io_faults(count: int, folder: Path, dice: random.Random) -> dict[str, Any]:
    losses = disk.run(count, folder, dice)
    log(f"disk faults: {losses}")
    return {"io_faults": losses.events, "io_lost": losses.lost + losses.duplicated + losses.unopenable,
            "io_level": "system calls" if disk.compiler() else "blobs only"}


def forgeries(options: argparse.Namespace, folder: Path, dice: random.Random) -> dict[str, Any]:
    """Changes to a package and its log; a sealed twin of it for the forgeries that only a seal shows."""
    case = fill(CaseStore(folder / "cases"), replays=6)
    plain, sealed, authority = folder / "plain.zip", folder / "sealed.zip", Authority()
    export_case(case, plain)
    seals.attach_package(plain, authority.answer(seals.request_package(plain)), sealed)
    roots = [authority.root_pem]
    assert verify_package(plain).state == "consistent"
    assert verify_package(sealed, roots=roots).state == "sealed"
    seen = forge.bytes_changed(options.byte_changes, (plain, sealed), roots, dice)
    log(f"{seen} of {options.byte_changes} single-byte changes detected")
    edits = forge.log_edits(options.log_edits, plain, roots, dice)
    log(f"{edits} of {options.log_edits} edits of the log detected")
    chains = forge.chains(options.chains, sealed, roots, dice)
    log(f"chains made anew: {chains}")
    return {"byte_changes": options.byte_changes, "byte_changes_detected": seen,
            "log_edits": options.log_edits, "log_edits_detected": edits, **chains}


def large_case(count: int, folder: Path) -> dict[str, Any]:
    """Seconds to open a case of so many replays, and milliseconds to list its best 50."""
    store = CaseStore(folder / "cases")
    case = store.create("Large")
    for first in range(0, count, 250):
        case.commit_all([make_replay(seed=s, closeness={"tiled_l2": (s * 7919 % count) / count, "psnr": 10.0,
                                                        "ssim": 0.5, "clip_cosine": 0.5})
                         for s in range(first, min(first + 250, count))])
    case.close()
    opened, listed, processor = [], [], []
    for _ in range(7):
        begun = time.perf_counter()
        again: Case = store.open(case.id)
        assert again.count_replays("s") == count and again.title == "Large"
        opened.append(time.perf_counter() - begun)
        begun, spent = time.perf_counter(), time.process_time()
        best = again.replays("s", order_by="tiled_l2", limit=50)
        listed.append(time.perf_counter() - begun)
        processor.append(time.process_time() - spent)
        assert [r.closeness["tiled_l2"] for r in best] == [i / count for i in range(50)]
        again.close()
    return {"open_case_s": round(statistics.median(opened), 4),
            "list_best_ms": round(1000 * statistics.median(listed), 2),
            "list_best_processor_ms": round(1000 * statistics.median(processor), 2), "replays": count}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("kills", 200), ("io-faults", 80), ("byte-changes", 1000), ("log-edits", 100),
                        ("chains", 100), ("replays", 10_000), ("exhibits", 5), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    add_options(parser)
    options = parser.parse_args()
    if options.stored:
        print(stored("bench_faults"))
        return
    dice, begun = random.Random(options.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = large_case(options.replays, folder / "large")
        log(f"large case: {result}")
        result |= kills(options.kills, folder / "kills", dice)
        result |= io_faults(options.io_faults, folder / "io", dice)
        result |= forgeries(options, folder / "forgeries", dice)
        if options.exhibits:
            result |= forge.exhibits(options.exhibits, folder / "exhibits")
    conclude("bench_faults", result | {"elapsed_s": round(time.monotonic() - begun, 1)}, options)


if __name__ == "__main__":
    main()
