"""The embedding files that a build writes, in clip-retrieval's layout, one part after the other.

A part is img_emb_N.npy, text_emb_N.npy, signatures_N.npy and metadata_N.parquet; its metadata is
renamed into place last, and only then does the part count. What a stop leaves behind is swept.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from explorer.collections.layout import CARD, read_json
from explorer.errors import ExplorerError

FOLDERS = {"image": "img_emb", "text": "text_emb", "signature": "signatures"}
GROUP_ROWS = 2_000  # rows of a Parquet row group: what one look decodes
SCHEMA = pa.schema([(n, pa.string()) for n in (
    "id", "title", "creator", "keywords", "caption", "licence", "url", "image_path", "sha256", "state")]
    + [("width_px", pa.int32()), ("height_px", pa.int32()), ("multiplicity", pa.int32())])


@dataclass(frozen=True)
class IndexPart:
    """Rows of one part: metadata dicts, (n, d) image and perhaps text embeddings, (n, 3072) signatures."""

    rows: Sequence[dict[str, Any]]
    arrays: dict[str, np.ndarray]  # keys of FOLDERS


class IndexParts:
    """The parts below one output folder."""

    def __init__(self, out: Path):
        self.out = out

    def numbers(self) -> list[int]:
        """Numbers of the complete parts."""
        folder = self.out / "metadata"
        return sorted(int(p.stem.rsplit("_", 1)[1]) for p in folder.glob("metadata_*.parquet"))

    def metadata(self, number: int) -> Path:
        return self.out / "metadata" / f"metadata_{number:06d}.parquet"

    def array(self, number: int, kind: str) -> Path:
        return self.out / FOLDERS[kind] / f"{FOLDERS[kind]}_{number:06d}.npy"

    def rows(self, number: int, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
        try:
            return pq.read_table(self.metadata(number), columns=columns).to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise ExplorerError("collections.parts_damaged_delete_file", metadata=self.metadata(number),
                                error=error) from error

    def write(self, part: IndexPart, number: int) -> None:
        """Writes one part; it counts once its metadata is in place."""
        for kind, values in part.arrays.items():
            write_array(self.array(number, kind), values)
        self.rewrite_rows(number, part.rows)

    def rewrite_rows(self, number: int, rows: Sequence[dict[str, Any]]) -> None:
        """Writes the metadata of one part."""
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), buffer, row_group_size=GROUP_ROWS)
        write_whole(self.metadata(number), buffer.getvalue())

    def sweep(self) -> None:
        """Deletes arrays without metadata: a build was ended before their part was complete."""
        complete = set(self.numbers())
        for name in FOLDERS.values():
            for path in (self.out / name).glob("*.npy"):
                if int(path.stem.rsplit("_", 1)[1]) not in complete:
                    path.unlink()
        for path in self.out.glob("**/*.partial"):
            path.unlink()

    def drop(self, number: int, kept: Sequence[int]) -> None:
        """Rewrites a part with the `kept` row positions only; deletes it when none is left.

        Kept rows go to a new part first, so that a stop in between leaves a row twice, never none."""
        if kept:
            rows = self.rows(number)
            arrays = {k: np.load(self.array(number, k), allow_pickle=False)[list(kept)] for k in FOLDERS
                      if self.array(number, k).exists()}
            self.write(IndexPart([rows[i] for i in kept], arrays), self.numbers()[-1] + 1)
        self.metadata(number).unlink()
        for kind in FOLDERS:
            self.array(number, kind).unlink(missing_ok=True)


def read_card(out: Path) -> dict[str, Any]:
    """collection.json of an output folder; {} when there is none yet."""
    return read_json(out / CARD) if (out / CARD).is_file() else {}


def write_card(out: Path, card: dict[str, Any]) -> None:
    """Writes collection.json."""
    write_whole(out / CARD, (json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def write_array(path: Path, values: np.ndarray) -> None:
    """Writes a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    write_whole(path, buffer.getvalue())


def write_whole(path: Path, data: bytes) -> None:
    """Writes a file by a temporary name, synced, then renamed into place."""
    draft = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(draft, path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ExplorerError("collections.parts_cannot_written", path=path, strerror=error.strerror) from error
