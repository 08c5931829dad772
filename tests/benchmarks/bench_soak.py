"""Long runs and many people: what is lost, what grows, what is left behind; the last line is JSON.

    python tests/benchmarks/bench_soak.py [--only replays,sessions] [--seed 1]
                                          [--replays 10000] [--seconds 900] [--keep FOLDER]
                                          [--sessions 50] [--watching 5] [--session-seconds 90]
                                          [--store]
    python tests/benchmarks/bench_soak.py --stored

Real searches over the bundled world run in a worker while it is killed, jobs are cancelled and pages are
reloaded at random; every replay that was on record must stay. They run at the cheapest setting that is still
a replay: one step of the sampler without guidance, decoded, scored and kept like any other.
Then many people at once on a server with a login, while a search of one of them runs at the usual settings:
a session is a websocket that speaks Streamlit's own messages, so no browser takes the processor.
`--seconds` bounds the first part; with `--keep` the next run goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil

from tests.benchmarks.stored import add_options, conclude, stored

PARTS = ("replays", "sessions")


def replays(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from tests.benchmarks.soak_client import show_faults
    from tests.benchmarks.soak_replays import Soak
    from tests.browser.app import running
    before = set(psutil.pids())
    with running(folder / "home") as app:
        soak = Soak(app, folder / "soak.json", seed=options.seed)
        soak.run(options.replays, options.seconds)
        if soak.count() >= options.replays:
            soak.check_all()
        soak.case.close()
    if soak.told["errors"]:
        show_faults(folder / "app.log")
    left = leaks(folder, before)
    return soak.result() | {"leaks": left + soak.told["handles_left"]}


def sessions(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    from explorer.jobs.launch import stop_workers
    from explorer.settings import load_settings
    from tests.benchmarks.soak_sessions import crowd
    before = set(psutil.pids())
    try:
        found = crowd(folder, options.sessions, options.watching, seconds=options.session_seconds)
    finally:
        stop_workers(load_settings(folder / "home"))
    return found | {"session_leaks": leaks(folder, before)}


def leaks(folder: Path, before: set[int]) -> int:
    """Processes of this run that are still there 20 s after everything was stopped."""
    until = time.monotonic() + 20
    while True:
        left = [p for p in psutil.process_iter(["pid", "cmdline", "cwd"]) if p.pid not in before
                and str(folder) in " ".join([*(p.info["cmdline"] or ()), p.info["cwd"] or ""])]
        if not left or time.monotonic() > until:
            break
        time.sleep(0.5)
    for process in left:
        print("left behind:", process.info, flush=True)
    return len(left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("replays", 10_000), ("sessions", 50), ("watching", 5), ("seconds", 900),
                        ("session-seconds", 90), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", default=",".join(PARTS), help="parts to run, with a comma between them")
    parser.add_argument("--keep", type=Path, help="folder in which the replays stay for the next run")
    add_options(parser)
    options = parser.parse_args()
    if options.stored:
        print(stored("bench_soak"))
        return
    result: dict[str, Any] = {}
    begun = time.monotonic()
    parts = [part for part in PARTS if part in options.only.split(",")]
    for name in parts:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as drafts:
            folder = options.keep if options.keep and name == "replays" else Path(drafts)
            folder.mkdir(parents=True, exist_ok=True)
            result |= {"replays": replays, "sessions": sessions}[name](options, folder.resolve())
        print(result, flush=True)
    conclude("bench_soak", result | {"elapsed_s": round(time.monotonic() - begun, 1)}, options, parts=parts)


if __name__ == "__main__":
    main()
