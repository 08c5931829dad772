"""A collection in two dimensions, made once and kept: where its works lie, and how alike unrelated ones are.

Principal components of the embeddings (Pearson 1901). Needs numpy only, so that screens can read it.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import ExplorerError

MOST_WORKS = 2_000  # drawn; of larger collections as many at random, always the same
SIMILARITIES = np.linspace(-1, 1, 401)  # at which the standing among unrelated pairs is kept


@dataclass(frozen=True)
class Atlas:
    """Places (n, 2) float32 of works with their ids, titles and creators, and how to place another picture.

    `mean` (d,) and `axes` (2, d) float32 turn an embedding into a place; `kept` in [0, 1] is the share of the
    works' spread that the two axes hold; `standing` (401,) float32 in [0, 100] is the share of unrelated pairs
    of works that are less similar than each of SIMILARITIES, empty where the collection cannot tell.
    """

    places: np.ndarray
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    creators: tuple[str, ...]
    mean: np.ndarray
    axes: np.ndarray
    kept: float
    works: int  # of the whole collection
    standing: np.ndarray

    def place(self, embedding: np.ndarray) -> np.ndarray | None:
        """(2,) float32: where a picture's embedding (d,) lies; None for one of another CLIP's length."""
        vector = np.asarray(embedding, np.float32).reshape(-1)
        if vector.shape != self.mean.shape:
            return None
        return (self.axes @ (vector / max(float(np.linalg.norm(vector)), 1e-12) - self.mean)).astype(np.float32)


def make_atlas(collection: Any) -> Atlas:
    """The atlas of an open `Collection`; reads the embeddings and rows of at most MOST_WORKS works."""
    ids = np.arange(collection.works)
    if collection.works > MOST_WORKS:
        ids = np.sort(np.random.default_rng(0).permutation(ids)[:MOST_WORKS])
    vectors = np.asarray(collection.vectors(ids), np.float32)  # (n, d)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    mean, axes, kept = components(vectors)
    works = collection.rows(ids)
    standing = [s for s in collection.percentiles(SIMILARITIES) if s is not None]
    return Atlas(((vectors - mean) @ axes.T).astype(np.float32), tuple(w.work_id for w in works),
                 tuple(w.title for w in works), tuple(w.creator for w in works), mean, axes, kept,
                 collection.works, np.array(standing, np.float32))


def components(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean (d,), the two principal axes (2, d) and the share of the variance that they hold, of (n, d) rows.

    An axis points to where its largest entry is positive, so that the same works give the same map.
    """
    mean = vectors.mean(axis=0)
    spread = (vectors - mean).astype(np.float64)
    values, found = np.linalg.eigh(spread.T @ spread)  # ascending
    axes = found[:, ::-1][:, :2].T  # (2, d)
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    return mean, axes.astype(np.float32), float(values[-2:].sum() / max(values.sum(), 1e-12))


def atlas_path(cache: Path, fingerprint: str) -> Path:
    """Where the atlas of the collection with this fingerprint is kept."""
    return cache / "atlas" / f"{fingerprint[:32]}.npz"


def write_atlas(atlas: Atlas, path: Path) -> None:
    """Writes the atlas to disk, whole or not at all."""
    from explorer.collections.parts import write_whole  # pyarrow comes with it: screens only read
    held = io.BytesIO()
    np.savez_compressed(held, places=atlas.places, mean=atlas.mean, axes=atlas.axes, standing=atlas.standing,
                        numbers=np.array([atlas.kept, atlas.works]), ids=np.array(atlas.ids, np.str_),
                        titles=np.array(atlas.titles, np.str_), creators=np.array(atlas.creators, np.str_))
    write_whole(path, held.getvalue())


def read_atlas(path: Path) -> Atlas | None:
    """The atlas that was written there; None where there is none. ExplorerError for a damaged file."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as held:
            kept, works = held["numbers"].tolist()
            return Atlas(held["places"], *(tuple(held[n].tolist()) for n in ("ids", "titles", "creators")),
                         held["mean"], held["axes"], float(kept), int(works), held["standing"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ExplorerError("collections.atlas_map_collection_cannot", error=error) from error
