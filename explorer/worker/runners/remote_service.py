"""Asking a collection that somebody else serves; runs in the desk worker."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.collections.queries import crop
from explorer.collections.remote import Filters, RemoteCollection, by_embedding, by_image
from explorer.errors import ExplorerError
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.tasks import EncodeQuery, EncodeText, SearchCollection
from explorer.records import to_json
from explorer.worker.context import Context


def ask(task: SearchCollection, collection: RemoteCollection, context: Context, *, asked: Any,
        embedding: np.ndarray) -> dict[str, Any]:
    """The works that a service finds for what the job before, `asked`, was about, and what it hid."""
    text = asked.text if isinstance(asked, EncodeText) else ""
    what = _their_query(asked, context) if task.read_there else by_embedding(embedding)
    filters = Filters(deduplicate="duplicates" in task.hide, safety="unsafe" in task.hide,
                      violence="violence" in task.hide,
                      aesthetic_score=task.aesthetic if task.aesthetic >= 0 else None)
    answer = collection.ask(what, task.k, filters=filters)
    checked = bool(text) or task.read_there
    warning = collection.clip_warning(text, embedding) if text and not task.read_there else ""
    return {"neighbours": [to_json(n) for n in answer.neighbours],
            "remote": {"hidden": list(filters.active), "removed": answer.removed, "warning": warning,
                       "checked": checked, "notes": list(collection.info.notes)}}


def _their_query(asked: Any, context: Context) -> dict[str, Any]:
    """The words or the picture themselves, for the service's own CLIP."""
    if isinstance(asked, EncodeText):
        return {"text": asked.text}
    if not isinstance(asked, EncodeQuery) or not asked.subject_id:
        raise ExplorerError("worker.remote_service_nothing_read")
    if asked.text:
        raise ExplorerError("worker.remote_service_reads_words_picture")
    case = context.case(asked.case_id)
    rgb = read_png(case.blob(case.subject(asked.subject_id).pixels_sha256))
    return by_image(png_bytes(crop(rgb, asked.box) if asked.box else rgb))
