"""Makes one quantised index with autofaiss, in a process of its own that can be ended at any time.

Run as `python -m explorer.collections.quantise EMBEDDINGS INDEX KEY`. Threads that wait sleep instead of
spinning (OMP_WAIT_POLICY), which on a busy computer is many times faster.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say

LOOK = 128  # faiss's own 16 puts one work in seven into a wrong cell, of 2,048 cells of 512 dimensions
_REPOSITORY = Path(__file__).resolve().parents[2]


def quantise(embeddings: Path, target: Path, key: str, *, run: Run = QUIET) -> None:
    """Writes the index `target` over a folder of .npy files; ends the process when the run is ended."""
    command = [sys.executable, "-m", "explorer.collections.quantise", str(embeddings), str(target), key]
    log = target.with_suffix(".log")
    with open(log, "wb") as sink:
        child = subprocess.Popen(command, cwd=_REPOSITORY, stdout=sink, stderr=subprocess.STDOUT,
                                 env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
        begun = time.monotonic()
        try:
            while child.poll() is None:
                run.report(Progress(0, 3, say("progress.making_cells_codes", monotonic=time.monotonic() - begun)))
                try:
                    child.wait(0.5)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
    if child.returncode != 0 or not target.exists():
        last = (log.read_text("utf-8", "replace").strip().splitlines() or ["no message"])[-1][:200]
        raise ExplorerError("collections.quantise_index_not_made", last=last)


def main(embeddings: str, target: str, key: str) -> None:
    """What the child does."""
    import psutil
    from autofaiss import build_index
    from autofaiss.indices import training

    training.index_factory = _thorough(training.index_factory)
    free_mb = max(1024, psutil.virtual_memory().available // 2**20)
    build_index(embeddings, index_path=target, index_infos_path=f"{target}.json", index_key=key,
                index_param="nprobe=16", metric_type="ip", current_memory_available=f"{free_mb}MB",
                max_index_memory_usage=f"{free_mb // 2}MB",  # its own default asks every computer for 18 GB
                verbose=40,
                nb_cores=int(os.environ.get("OMP_NUM_THREADS", 0)) or os.cpu_count())


def _thorough(factory: Callable[..., Any]) -> Callable[..., Any]:
    """autofaiss's factory, with a graph that is searched widely enough to find the nearest of the cells."""
    def made(*what: Any) -> Any:
        import faiss

        index = factory(*what)
        faiss.downcast_index(faiss.extract_index_ivf(index).quantizer).hnsw.efSearch = LOOK
        return index

    return made


if __name__ == "__main__":
    main(*sys.argv[1:4])
