"""A collection that somebody serves with clip-retrieval, asked over the network.

The protocol's own client switches four filters on by default, which change the query and hide rows.
Here all are off unless the person turns them on, and what one removed is counted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from explorer.collections.net import FetchPolicy, fetch, shown
from explorer.collections.works import Terms, Work, as_work, clean, column_names
from explorer.errors import ExplorerError, shortened
from explorer.records import CollectionInfo, Neighbour
from explorer.texts import say

TIMEOUT_S = 20.0
MOST = 1_000  # neighbours asked for at once
MAX_ANSWER = 32 * 2**20  # a backend may put its pictures into the answer


@dataclass(frozen=True)
class Filters:
    """What the backend may hide or change. All off: nothing is hidden and the query is as given."""

    deduplicate: bool = False
    safety: bool = False
    violence: bool = False
    aesthetic_score: int | None = None  # 0 to 9: shifts the query towards pictures rated so
    aesthetic_weight: float = 0.5

    @property
    def active(self) -> tuple[str, ...]:
        """Names of those that are on."""
        pairs = (("duplicates", self.deduplicate), ("unsafe", self.safety), ("violence", self.violence),
                 ("shift", self.aesthetic_score is not None))
        return tuple(say(f"note.filter.{name}") for name, on in pairs if on)

    def as_request(self) -> dict[str, Any]:
        shift = {} if self.aesthetic_score is None else {
            "aesthetic_score": self.aesthetic_score, "aesthetic_weight": self.aesthetic_weight}
        return {"deduplicate": self.deduplicate, "use_safety_model": self.safety,
                "use_violence_detector": self.violence, "use_mclip": False, **shift}


@dataclass(frozen=True)
class RemoteAnswer:
    """`removed` counts works that the same query without filters had among its first `k`."""

    neighbours: tuple[Neighbour, ...]
    filters: Filters
    removed: int = 0


class RemoteCollection:
    """One index of a clip-retrieval backend. Same searches as a local collection."""

    modalities = ("image", "text")

    def __init__(self, base: str, name: str, *, policy: FetchPolicy, others: Sequence[str] = ()):
        self.base, self.name, self.policy = base, name, policy
        notes = [say("note.collections.backend_belongs_somebody")]
        if len(others) > 1:
            notes.append(say("note.collections.backend_also_serves",
                             others=", ".join(o for o in others if o != name)[:300]))
        address = f"{base}#{name}"
        digest = hashlib.sha256(address.encode()).hexdigest()
        at = say("note.collections.name_at", name=name, place=urlsplit(base).netloc)
        self.info = CollectionInfo(source=address, name=at, works=0, clip="", fingerprint=digest,
                                   notes=tuple(notes))

    def search(self, embedding: np.ndarray, k: int, *, modality: str = "image", query: str = "image",
               subject_id: str = "") -> list[Neighbour]:
        """The `k` nearest works to an embedding (d,) by the backend's own CLIP, all filters off."""
        return list(self.ask(by_embedding(embedding), k, modality=modality, subject_id=subject_id).neighbours)

    def search_text(self, text: str, k: int, *, modality: str = "image") -> list[Neighbour]:
        """The nearest works to a text, embedded by the backend."""
        return list(self.ask({"text": text}, k, modality=modality).neighbours)

    def ask(self, what: dict[str, Any], k: int, *, modality: str = "image", filters: Filters | None = None,
            subject_id: str = "") -> RemoteAnswer:
        """Search by `text`, `image` (base64) or `embedding_input`; with filters on, count what they hid."""
        chosen = filters or Filters()
        count = max(1, min(int(k), MOST))
        found = self._knn(what, count, modality, chosen)
        removed = 0
        if chosen.active:
            everything = self._knn(what, count, modality, Filters())
            removed = len({r["id"] for r in everything} - {r["id"] for r in found})
        named = tuple(self._neighbour(row, rank, subject_id) for rank, row in enumerate(found, 1))
        return RemoteAnswer(named, chosen, removed)

    def work(self, work_id: str) -> Work:
        """The work with this index id."""
        if not (work_id.isascii() and work_id.isdigit() and len(work_id) < 20):
            raise ExplorerError("collections.remote_backend_names_works", work_id=shortened(work_id, 40))
        found = _rows(self._post("/metadata", {"ids": [int(work_id)], "indice_name": self.name}), self.base)
        if not found or not isinstance(found[0].get("metadata"), dict):
            raise ExplorerError("collections.remote_knows_no_work", base=shown(self.base), work_id=work_id)
        return _work(int(work_id), found[0]["metadata"])

    def terms(self) -> Terms:
        """A backend does not list its works: no terms."""
        return Terms((), (), ())

    def clip_warning(self, text: str, embedding: np.ndarray) -> str:
        """A sentence when the backend's CLIP is not the one that made `embedding` of `text`, else ""."""
        try:
            theirs, ours = self.search_text(text, 5), self.search(embedding, 5)
        except ExplorerError as error:
            return say("note.collections.whether_backend_uses", error=error)
        same = len(theirs) == len(ours) and all(
            abs(a.similarity - b.similarity) < 1e-2 for a, b in zip(theirs, ours, strict=True))
        return "" if same else (
            say("note.collections.backend_clip_not"))

    def _knn(self, what: dict[str, Any], k: int, modality: str, filters: Filters) -> list[dict[str, Any]]:
        request = {**what, "modality": modality, "num_images": k, "num_result_ids": k,
                   "indice_name": self.name, **filters.as_request()}
        rows = _rows(self._post("/knn-service", request), self.base)[:k]
        for row in rows:
            value, number = row.get("similarity"), row.get("id")
            good = isinstance(value, (int, float)) and not isinstance(value, bool) and -1.01 <= value <= 1.01
            if not good or not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**63:
                raise _lies(self.base, say("note.collections.result_no_number"))
        return sorted(rows, key=lambda row: -row["similarity"])

    def _neighbour(self, row: dict[str, Any], rank: int, subject_id: str) -> Neighbour:
        work = _work(row["id"], {k: v for k, v in row.items() if k not in ("id", "similarity", "image")})
        return Neighbour(subject_id=subject_id, rank=rank, collection=self.info.name, work_id=str(row["id"]),
                         similarity=float(row["similarity"]), title=work.title, creator=work.creator,
                         licence=work.licence, caption=work.caption, keywords=work.keywords,
                         source=work.url or work.source, multiplicity=work.multiplicity)

    def _post(self, path: str, request: dict[str, Any]) -> Any:
        answer = fetch(self.base + path, policy=self.policy, body=json.dumps(request).encode(),
                       headers={"Content-Type": "application/json"})
        if answer.status >= 400:
            hint = (say("note.collections.query_may_come")
                    if "embedding_input" in request else say("note.collections.see_backend_own"))
            raise ExplorerError("collections.remote_failed_query_http", base=shown(self.base), status=answer.status,
                                hint=hint)
        return _json(answer.body, self.base)


def by_embedding(embedding: np.ndarray) -> dict[str, Any]:
    """A query by an embedding (d,); ExplorerError when it has no direction."""
    vector = np.asarray(embedding, np.float32).reshape(-1)
    length = float(np.linalg.norm(vector))
    if not 0 < length < math.inf:
        raise ExplorerError("collections.open_query_embedding_empty")
    return {"embedding_input": (vector / length).tolist()}


def by_image(data: bytes) -> dict[str, Any]:
    """A query by an image file, which the backend reads with its own CLIP."""
    return {"image": base64.b64encode(data).decode()}


def open_remote(source: str, *, offline: bool = True) -> RemoteCollection:
    """The backend at an http(s) address; "#name" says which of its indices. Asks it for their names."""
    address, _, wanted = source.partition("#")
    base = address.rstrip("/").removesuffix("/knn-service")
    policy = FetchPolicy(offline=offline, private=True, max_bytes=MAX_ANSWER, timeout_s=TIMEOUT_S, max_redirects=0)
    answer = fetch(base + "/indices-list", policy=policy)
    names = _json(answer.body, base) if answer.status == 200 else None
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ExplorerError("collections.remote_not_clip_retrieval", base=shown(base))
    if wanted and wanted not in names:
        raise ExplorerError("collections.remote_serves_no_index", base=shown(base), wanted=wanted[:60],
                            names=", ".join(map(clean, names))[:300])
    return RemoteCollection(base, wanted or names[0], policy=policy, others=names)


def _work(number: int, values: dict[str, Any]) -> Work:
    work = as_work(number, values, names=column_names(values), root=None)
    if urlsplit(work.url).scheme not in ("http", "https"):
        work = Work(**{**work.__dict__, "url": "", "source": "" if work.source == work.url else work.source})
    return Work(**{**work.__dict__, "image_path": ""})  # a path on somebody else's computer


def _rows(value: Any, base: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _lies(base, say("note.collections.not_list_results"))
    return value


def _json(body: bytes, base: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _lies(base, say("note.collections.not_json")) from error


def _lies(base: str, why: str) -> ExplorerError:
    return ExplorerError("collections.remote_sent_answer_cannot", base=shown(base), why=why)
