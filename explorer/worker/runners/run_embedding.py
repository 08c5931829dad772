"""The embedding half of a collection's build; the index half is in `indexing.py`, which has faiss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.collections.embed import embed_folder
from explorer.jobs.tasks import BuildCollection
from explorer.records import to_json
from explorer.texts import say
from explorer.worker.context import Context
from explorer.worker.runners import loading


def embed(task: BuildCollection, context: Context) -> Any:
    """Writes embeddings and metadata of a folder's images to the collection's folder."""
    context.report(0, 0, say("progress.loading_clip"))
    encoder = loading.encoder(context, task.clip)
    crew = loading.readers(context, task.engine, task.clip, encoder)
    return to_json(embed_folder(Path(task.folder), Path(task.out), encoder, clip=task.clip, engine=crew,
                                run=context.run))
