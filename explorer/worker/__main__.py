"""A worker process: `python -m explorer.worker --kind device|desk --home DIR`."""

from __future__ import annotations

import argparse
import importlib
import logging
import logging.handlers
from pathlib import Path

import filelock

from explorer.foreign.offline import obey
from explorer.jobs import process
from explorer.jobs.launch import KINDS, lock_path
from explorer.jobs.queue import Queue
from explorer.jobs.worker_queue import Board
from explorer.settings import Settings, load_settings
from explorer.texts import say
from explorer.worker.loop import IDLE_S, Worker
from explorer.worker.room import room_facts
from explorer.worker.watch import Watch


def main() -> None:
    """Runs one worker; ends at once if another holds the lock of its kind."""
    parser = argparse.ArgumentParser(prog="python -m explorer.worker", description=__doc__)
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--home", type=Path, required=True, help=say("note.worker.workspace_folder"))
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help=say("note.worker.end_after_long"))
    parser.add_argument("--also", default="", help=say("note.worker.module_further_tasks"))
    args = parser.parse_args()
    settings = load_settings(args.home)
    obey(settings.offline)
    path = lock_path(settings.home, args.kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(path, timeout=0):
            _log_to(settings, args.kind)
            if args.also:
                importlib.import_module(args.also)
            _work(settings, args.kind, args.idle_s)
    except filelock.Timeout:
        return


def _work(settings: Settings, kind: str, idle_s: float) -> None:
    pid, born_s = process.me()
    device = settings.device if kind == "device" else ""
    boards = [Board(Queue(settings.database), kind=kind, pid=pid, born_s=born_s, device=device)
              for _ in range(2)]  # one for the loop, one for the watching thread
    boards[0].arrive()
    watch = Watch(boards[1], lambda: room_facts(worker.table.sizes(), device))
    worker = Worker(settings, boards[0], watch, idle_s=idle_s)
    watch.start()
    try:
        worker.run()
    finally:
        watch.end()
        boards[0].leave()


def _log_to(settings: Settings, kind: str) -> None:
    settings.logs.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(settings.logs / f"worker-{kind}.log", maxBytes=2_000_000,
                                                   backupCount=2, encoding="utf-8")
    logging.basicConfig(level=logging.INFO, handlers=[handler],
                        format="%(asctime)s %(levelname)s %(name)s: %(message)s")


if __name__ == "__main__":
    main()
