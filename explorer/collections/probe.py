"""Opens one faiss index in a process of its own and searches it once; the last line is JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(path: str) -> dict:
    """{"count", "dim"} of the index, or {"error"} where faiss refuses it."""
    import faiss
    import numpy as np

    from explorer.collections.faiss_index import reading_flags

    faiss.omp_set_num_threads(1)
    with open(path, "rb") as handle:
        kind = handle.read(4)
    try:
        index = faiss.read_index(path, reading_flags(Path(path), kind))
        if index.ntotal:
            query = np.zeros((1, index.d), np.float32)
            query[0, 0] = 1
            index.search(query, 1)
    except (RuntimeError, MemoryError, ValueError) as error:
        return {"error": str(error)[:600] or type(error).__name__}
    return {"count": int(index.ntotal), "dim": int(index.d)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
