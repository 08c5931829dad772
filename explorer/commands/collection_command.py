"""`collection build|search|duplicates|serve`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from explorer.cases.store import CaseStore
from explorer.commands.progress_bars import Bars
from explorer.folders import read_file
from explorer.jobs import foreground, launch
from explorer.jobs.tasks import (
    BuildCollection,
    EmbedSubject,
    EncodeQuery,
    EncodeText,
    FindDuplicates,
    FindNeighbours,
    IndexCollection,
    SearchCollection,
)
from explorer.records import to_json
from explorer.settings import Settings


def build(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """Embeds a folder's images, then indexes them; resumable by running it again."""
    folder = args.folder.resolve()
    out = str(args.out.resolve() if args.out else settings.home / "collections" / (folder.name or "collection"))
    clip = args.clip or settings.clip
    first = launch.submit(settings, BuildCollection(str(folder), out, clip, args.engine))
    then = launch.submit(settings, IndexCollection(out), after=first)
    with Bars() as bars:
        embedded, indexed = foreground.follow_jobs(settings, (first, then), follow=bars.follow)
    return {"out": out, "embedded": embedded.result, "index": indexed.result}


def search(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """The nearest works to a text, to an image (which is kept in a case of its own), to a part of it, or to an
    image and words together."""
    collection, clip = _source(args.collection, settings), args.clip or settings.clip
    if args.text:
        first = launch.submit(settings, EncodeText(args.query, clip))
        then = launch.submit(settings, SearchCollection(collection, args.k), after=first)
        return foreground.follow_jobs(settings, (first, then))[-1].result
    path = Path(args.query)
    case = CaseStore(settings.cases, actor="command line").create(path.stem)
    subject = case.add_subject(read_file(path), path.name)
    if args.words or args.box:
        query = EncodeQuery(case.id, subject.id, args.box, args.words, args.weight, clip)
        first = launch.submit(settings, query)
        then = launch.submit(settings, SearchCollection(collection, args.k), after=first)
        return {"case": case.id, **foreground.follow_jobs(settings, (first, then))[-1].result}
    first = launch.submit(settings, EmbedSubject(case.id, subject.id, clip))
    then = launch.submit(settings, FindNeighbours(case.id, subject.id, collection, clip, args.k), after=first)
    foreground.follow_jobs(settings, (first, then))
    return {"case": case.id, "neighbours": [to_json(n) for n in case.neighbours(subject.id)]}


def duplicates(args: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    """How many works a collection holds at which multiplicity; writes the list without duplicates."""
    out = str(args.out.resolve()) if args.out else ""
    with Bars() as bars:
        return foreground.run(settings, FindDuplicates(_source(args.collection, settings), out, args.store),
                              follow=bars.follow)


def serve(args: argparse.Namespace, settings: Settings) -> Any:
    """Starts clip-retrieval's own backend on a collection and waits until it is ended."""
    from explorer.collections.serve import serve as start
    return start(args.folder, port=args.port)


def _source(given: str | None, settings: Settings) -> str:
    """The collection asked for, else the one in use; a folder by its whole path, since workers run elsewhere."""
    if given and os.path.isdir(given):
        return str(Path(given).resolve())
    return given or settings.collection
