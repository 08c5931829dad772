"""One collection, open for search: works by similarity, with names, sources and where they stand."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from operator import neg
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.collections.embeddings import EmbeddingRows
from explorer.collections.faiss_index import FARTHEST, VectorIndex, inner_products, open_index
from explorer.collections.layout import Layout, find_layout
from explorer.collections.rows import BROKEN, Rows, open_rows, short
from explorer.collections.works import Terms, Work, collect_terms, column_names, described
from explorer.errors import ExplorerError, shortened
from explorer.records import CollectionInfo, Neighbour
from explorer.texts import say

if TYPE_CHECKING:
    from explorer.collections.remote import RemoteCollection

BACKGROUND_WORKS = 512  # on each side of the unrelated pairs
CANDIDATES = 100  # of a lossy index; those that may be among the nearest are put in order by stored embeddings
_SAMPLE_BYTES = 65_536
_WHOLE_BYTES = 64 * 2**20


class Collection:
    """An opened index folder. Not thread-safe; the desk worker owns it."""

    def __init__(self, layout: Layout, *, cache: Path | None = None):
        self.layout = layout
        self._indices: dict[str, VectorIndex] = {m: open_index(p, cache=cache) for m, p in layout.indices.items()}
        self._rows: Rows = open_rows(layout, cache=cache)
        self._names = column_names(self._rows.columns)
        shown = {field: column for field, column in self._names.items() if field != "url"}
        self._columns = {"work": self._names, "neighbour": shown}
        self._margins = _margins(layout.card)
        self._mapping = _mapped(_open_mapping(layout.mapping), next(iter(self._indices.values())).numbers,
                                folder=layout.folder)
        self._exact = {m: rows for m in self._indices if (rows := self._embedding_rows(m)) is not None}
        self._check()
        self._backgrounds: dict[tuple[str, str], memoryview | None] = {}

    @cached_property
    def info(self) -> CollectionInfo:
        """What this collection is; the fingerprint covers every file's name, size and sampled bytes."""
        card, notes = self.layout.card, []
        if not card.get("clip"):
            notes.append(say("note.collections.folder_not_say"))
        if any(index.normalised for index in self._indices.values()):
            notes.append(say("note.collections.normalised"))
        surplus = self._rows.count - self.works
        if surplus > 0:
            notes.append(say("note.collections.metadata_more_rows", surplus=surplus))
        return CollectionInfo(source=self.layout.source, name=self.layout.name, works=self.works,
                              clip=str(card.get("clip", ""))[:2000], fingerprint=_fingerprint(self.layout),
                              notes=tuple(notes))

    @property
    def works(self) -> int:
        """How many works are indexed."""
        return next(iter(self._indices.values())).count

    @property
    def dim(self) -> int:
        return next(iter(self._indices.values())).dim

    @property
    def own(self) -> bool:
        """Whether it was built here, so that its metadata may be written again."""
        return "clip_fingerprint" in self.layout.card

    @property
    def modalities(self) -> tuple[str, ...]:
        """What can be searched: "image" (the pictures) and perhaps "text" (their captions)."""
        return tuple(self._indices)

    def search(self, embedding: np.ndarray, k: int, *, modality: str = "image",
               query: str = "image", subject_id: str = "") -> list[Neighbour]:
        """The `k` nearest works to an embedding (d,) from the collection's CLIP, best first.

        `similarity` is the cosine; `percentile` the share of unrelated pairs (a `query`-side embedding
        and a work drawn at random from this collection) that are less similar, in [0, 100], None where
        the collection has no embeddings of that side. ExplorerError for a wrong dimension or modality.
        """
        index = self._index(modality)
        vector = unit(embedding, index.dim)
        k = max(1, min(int(k), index.count))
        similarities, ids = self._nearest(index, modality, vector, k)
        standing = self.percentiles(similarities, modality=modality, query=query)
        name, works, found = self.layout.name, self._read(self._numbered(ids), "neighbour"), []
        for rank, (work, similarity, percentile) in enumerate(zip(works, similarities, standing, strict=True), 1):
            found.append(Neighbour(subject_id=subject_id, rank=rank, collection=name, similarity=similarity,
                                   percentile=percentile, **work))
        return found

    def nearest(self, embedding: np.ndarray, k: int, *,
                modality: str = "image") -> tuple[np.ndarray, np.ndarray]:
        """Similarities (k,) float32 and index ids (k,) int64 of the nearest works, without their rows."""
        index = self._index(modality)
        found = self._nearest(index, modality, unit(embedding, index.dim), max(1, min(int(k), index.count)))
        return np.array(found[0], np.float32), np.array(found[1], np.int64)

    def candidates(self, k: int, modality: str = "image") -> int:
        """How many works the index proposes for the `k` nearest; a lossy one more than `k`."""
        index = self._index(modality)
        lossy = index.lossy and modality in self._exact
        return min(max(4 * k, CANDIDATES) if lossy else k, index.count)

    def rows(self, ids: np.ndarray | list[int]) -> list[Work]:
        """The works at index ids."""
        numbers = self._numbered(ids)
        return [Work(row=n, **fields) for n, fields in zip(numbers, self._read(numbers), strict=True)]

    def work(self, work_id: str) -> Work:
        """The work with this id; ExplorerError if there is none."""
        number = self._numbers.get(work_id)
        if number is None:
            raise ExplorerError("collections.open_collection_no_work", layout_name=self.layout.name,
                                work_id=work_id)
        return Work(row=number, **self._read([number])[0])

    def terms(self) -> Terms:
        """Creators, titles and keywords, the most frequent first."""
        return collect_terms(self._rows, self._names)

    def vectors(self, ids: np.ndarray | list[int], *, modality: str = "image") -> np.ndarray:
        """(n, d) float32 embeddings of works by index id; from the embedding files where they are there."""
        ids = np.asarray(ids, np.int64)
        if len(ids) and not 0 <= ids.min() <= ids.max() < self._index(modality).count:
            raise self._unfitting()
        stored = self._exact.get(modality)
        return stored.get(ids) if stored is not None else self._index(modality).vectors(ids)

    def percentiles(self, similarities: Sequence[float] | np.ndarray, *, modality: str = "image",
                    query: str = "image") -> list[float | None]:
        """Share of unrelated pairs less similar than each value, in [0, 100]."""
        pairs = self._background(query, modality)
        if pairs is None:
            return [None] * len(similarities)
        scale = 100.0 / len(pairs)
        return [bisect_left(pairs, value) * scale for value in similarities]

    def _numbered(self, ids: Sequence[int] | np.ndarray) -> list[int]:
        """Metadata rows of index ids."""
        if self._mapping is not None:
            numbers = np.asarray(ids, np.int64)
            if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self._mapping):
                raise self._unfitting()
            return self._mapping[numbers].tolist()
        return ids.tolist() if isinstance(ids, np.ndarray) else list(ids)

    def _read(self, numbers: list[int], what: str = "work") -> list[dict[str, Any]]:
        """The fields of a work or neighbour by metadata row, those that the collection has."""
        columns, root = self._columns[what], self.layout.root
        try:
            rows = self._rows.get(numbers, columns.values())
        except BROKEN as error:
            raise ExplorerError("collections.open_metadata_cannot_read", folder=self.layout.folder,
                                error=short(error)) from error
        return [described(number, dict(zip(columns, values, strict=True)), root=root)
                for number, values in zip(numbers, rows, strict=True)]

    def _nearest(self, index: VectorIndex, modality: str, vector: np.ndarray,
                 k: int) -> tuple[list[float], list[int]]:
        """Similarities and ids. Few steps over plain lists: after faiss has run, each first call of a numpy
        function costs as much as reading twenty works."""
        stored = self._exact.get(modality) if index.lossy else None
        values, ids = index.propose(vector, self.candidates(k, modality))
        if ids[-1] < 0:
            ids = ids[:ids.index(-1)]
        if stored is None or not ids:
            return values[:len(ids)], ids
        least = values[min(k, len(ids)) - 1] - self._margins.get(modality, math.inf)
        ids = ids[:bisect_right(values, -least, key=neg)]
        if not 0 <= min(ids) <= max(ids) < stored.count:
            raise self._unfitting()
        exact = inner_products(stored.get(ids), vector)
        if exact and max(map(abs, exact)) > FARTHEST:  # stored embeddings that were not normalised
            exact = inner_products(_units(stored.get(ids)), vector)
        order = sorted(range(len(ids)), key=exact.__getitem__, reverse=True)[:k]
        return [exact[i] for i in order], [ids[i] for i in order]

    def _background(self, query: str, modality: str) -> memoryview | None:
        """Sorted similarities of works drawn at random on both sides; drawn once, always the same."""
        if (query, modality) not in self._backgrounds:
            known = (query in self._indices or query in self._exact) and self.works > 1
            self._backgrounds[query, modality] = self._draw(query, modality) if known else None
        return self._backgrounds[query, modality]

    def _draw(self, query: str, modality: str) -> memoryview:
        ids = np.random.default_rng(0).permutation(self.works)[:2 * BACKGROUND_WORKS]
        half = len(ids) // 2
        left, right = self.vectors(ids[:half], modality=query), self.vectors(ids[half:], modality=modality)
        return memoryview(np.sort((_units(left) @ _units(right).T).ravel()))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        column = self._names.get("work_id")
        if column is None:
            return {str(n): n for n in range(self._rows.count)}
        return {str(v): n for n, v in enumerate(self._rows.column(column))}

    def _index(self, modality: str) -> VectorIndex:
        if modality not in self._indices:
            raise ExplorerError("collections.open_collection_no_index", layout_name=self.layout.name,
                                modality=modality, indices=", ".join(self._indices))
        return self._indices[modality]

    def _embedding_rows(self, modality: str) -> EmbeddingRows | None:
        paths = self.layout.embeddings.get(modality, ())
        rows = EmbeddingRows(paths) if paths else None
        index = self._indices[modality]
        return rows if rows is not None and (rows.count, rows.dim) == (index.count, index.dim) else None

    def _unfitting(self) -> ExplorerError:
        return ExplorerError("collections.open_names_not_there", folder=shortened(self.layout.folder))

    def _check(self) -> None:
        sizes = {m: (i.count, i.dim) for m, i in self._indices.items()}
        if len(set(sizes.values())) > 1:
            raise ExplorerError("collections.open_indices_not_belong", folder=self.layout.folder, sizes=sizes)
        numbers = [int(i.numbers.max()) for i in self._indices.values() if i.numbers is not None]
        if self.layout.mapping is None and max(numbers, default=-1) >= self._rows.count:
            raise ExplorerError("collections.open_numbers_beyond", folder=self.layout.folder, number=max(numbers),
                                count=self._rows.count)
        if self._rows.count < self.works:
            raise ExplorerError("collections.open_metadata_rows_index", folder=self.layout.folder,
                                count=self._rows.count, works=self.works)


def open_collection(source: str, *, cache: Path | None = None,
                    offline: bool = True) -> Collection | RemoteCollection:
    """The collection at "world", a folder, an indices_paths.json ("#name"), or a backend's http address.

    Local files are memory-mapped; `cache` holds Arrow copies of Parquet files that are too coarse to read
    by row. With `offline` a backend must be on this computer. ExplorerError says what is wrong.
    """
    if source.startswith(("http://", "https://")):
        from explorer.collections.remote import open_remote

        return open_remote(source, offline=offline)
    return Collection(find_layout(source), cache=cache)


def unit(embedding: np.ndarray, dim: int) -> np.ndarray:
    """(d,) float32 of length 1; ExplorerError when the dimension is wrong or it has no direction."""
    vector = np.asarray(embedding, np.float32).reshape(-1)
    if len(vector) != dim:
        raise ExplorerError("collections.open_query_dimensions_collection", vector_count=len(vector), dim=dim)
    length = math.sqrt(max(0.0, float(vector.dot(vector))))
    if not 0 < length < math.inf:
        raise ExplorerError("collections.open_query_embedding_empty")
    return vector if abs(length - 1) < 1e-6 else vector / length


def _units(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _margins(card: dict[str, Any]) -> dict[str, float]:
    """How much less similar by a lossy index, than its k-th, a work may be that is one of the k nearest."""
    said = card.get("margins")
    pairs = said.items() if isinstance(said, dict) else ()
    return {m: float(v) for m, v in pairs if isinstance(v, (int, float)) and 0 <= v <= 4}


def _open_mapping(path: Path | None) -> np.ndarray | None:
    """clip-retrieval's raw int64 file: index id -> metadata row."""
    try:
        return None if path is None else np.memmap(path, dtype=np.int64, mode="r")
    except (OSError, ValueError) as error:
        raise ExplorerError("collections.embeddings_file_cannot_read", path=shortened(path),
                            error=short(error)) from error


def _mapped(mapping: np.ndarray | None, numbers: np.ndarray | None, *, folder: Path) -> np.ndarray | None:
    """Place in the index -> metadata row, through an index's own numbers (an id map's) and a mapping file."""
    if numbers is None or mapping is None:
        return mapping if numbers is None else numbers
    if len(numbers) and int(numbers.max()) >= len(mapping):
        raise ExplorerError("collections.open_names_not_there", folder=shortened(folder))
    return np.asarray(mapping)[numbers]


def _fingerprint(layout: Layout) -> str:
    """SHA-256 over names, sizes and bytes: all bytes up to 64 MiB a file, both ends of larger ones."""
    digest = hashlib.sha256()
    for path in sorted({*layout.indices.values(), *layout.rows}):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(layout.folder).as_posix()} {size}\n".encode())
        with open(path, "rb") as handle:
            digest.update(handle.read(_WHOLE_BYTES if size <= _WHOLE_BYTES else _SAMPLE_BYTES))
            if size > _WHOLE_BYTES:
                handle.seek(-_SAMPLE_BYTES, 2)
                digest.update(handle.read())
    return digest.hexdigest()


__all__ = ["Collection", "open_collection", "unit"]
