"""What the app reads of a world: its manifest, the words of all its works, their small pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from explorer.errors import ExplorerError
from explorer.world.files import SIZE_PX, World, require


def read_manifest(world: World) -> list[dict]:
    """Rows of the manifest, in order; raises ExplorerError where it is missing or damaged."""
    path = require(world.manifest, "data")
    try:
        return pq.read_table(path).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise ExplorerError("world.manifest_damaged_run_python", path=path, error=error) from error


def manifest_draw(world: World) -> int:
    """Number of the draw that the manifest holds."""
    schema = pq.read_schema(require(world.manifest, "data"))
    return int((schema.metadata or {}).get(b"draw", b"1"))


def all_words(rows: list[dict]) -> dict[str, tuple[str, ...]]:
    """Creators, titles and keywords of every work, trained on or not: a list that gives neither away."""
    return {"creators": tuple(r["creator"] for r in rows), "titles": tuple(r["title"] for r in rows),
            "keywords": tuple(k for r in rows for k in r["keywords"])}


def small(display: bytes | Path) -> np.ndarray:
    """(64, 64, 3) uint8 of a display copy: what every model of the world is trained on."""
    source = io.BytesIO(display) if isinstance(display, bytes) else display
    with Image.open(source, formats=["WEBP"]) as image:
        return np.asarray(image.convert("RGB").resize((SIZE_PX, SIZE_PX), Image.Resampling.BOX))


def load_small(root: Path, images: list[str]) -> np.ndarray:
    """(n, 64, 64, 3) uint8 of the works whose paths below `root` are given."""
    return np.stack([small(root / name) for name in images])
