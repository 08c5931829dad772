"""The index half of a collection's build; runs in the desk worker, since faiss and torch must not meet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from explorer.collections.build import index_folder
from explorer.jobs.tasks import IndexCollection
from explorer.records import to_json
from explorer.worker.context import Context


def index(task: IndexCollection, context: Context) -> Iterator[Any]:
    """Writes the faiss index over the embeddings in a collection's folder."""
    report = yield from index_folder(Path(task.out))
    context.table.clear()  # an older index of this folder may be open
    return to_json(report)
