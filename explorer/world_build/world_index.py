"""Stage `index`: the members as a collection in clip-retrieval's folder layout.

Embedding needs torch, indexing needs faiss; the two never share a process, so indexing runs as a program of
its own: `python -m explorer.world_build.world_index FOLDER`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from explorer.errors import ExplorerError
from explorer.world.files import World, require
from explorer.world.manifest import load_small, read_manifest

COLUMNS = ("id", "title", "creator", "keywords", "caption", "licence", "image_path", "url", "multiplicity")


def build(world: World, device: str = "cpu") -> None:
    """Writes embeddings, metadata and both indexes of all members; ExplorerError if indexing fails."""
    from explorer.clip.encoder import load_encoder

    members = [r for r in read_manifest(world) if r["split"] == "train"]
    encoder = load_encoder(str(require(world.clip, "clip")), device=device)
    pixels = load_small(world.root, [r["image"] for r in members])
    folder = world.collection
    for name, vectors in (("img_emb", encoder.encode_images(list(pixels))),
                          ("text_emb", encoder.encode_texts([r["caption"] for r in members]))):
        (folder / name).mkdir(parents=True, exist_ok=True)
        np.save(folder / name / f"{name}_0.npy", vectors.astype(np.float32))
    (folder / "metadata").mkdir(exist_ok=True)
    table = pa.Table.from_pylist([_row(r) for r in members]).select(COLUMNS)
    pq.write_table(table, folder / "metadata" / "metadata_0.parquet", compression="zstd")
    done = subprocess.run([sys.executable, "-m", "explorer.world_build.world_index", str(folder)],
                          capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2])
    if done.returncode:
        raise ExplorerError("world.world_index_not_built", stderr=done.stderr.strip().splitlines()[-1:])


def _row(row: dict) -> dict:
    return {**row, "keywords": ", ".join(row["keywords"]), "image_path": row["image"], "url": row["source"]}


def main(folder: Path) -> None:
    """Writes exact inner-product indexes over the saved embeddings (the only part that needs faiss)."""
    import faiss

    for kind, name in (("img_emb", "image.index"), ("text_emb", "text.index")):
        vectors = np.load(folder / kind / f"{kind}_0.npy")
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        faiss.write_index(index, str(folder / name))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
