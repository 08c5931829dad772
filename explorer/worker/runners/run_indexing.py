"""The index half of a collection's build; runs in the desk worker, since faiss and torch must not meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.collections.build import index_folder
from explorer.jobs.tasks import IndexCollection
from explorer.records import to_json
from explorer.worker.context import Context


def index(task: IndexCollection, context: Context) -> Any:
    """Writes the faiss index over the embeddings in a collection's folder."""
    report = index_folder(Path(task.out), run=context.run)
    context.table.clear()  # an older index of this folder may be open
    return to_json(report)
