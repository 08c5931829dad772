"""A case's works tested together: by how well the model knows them, and by how near it comes to them."""

from __future__ import annotations

from typing import Any

from explorer.errors import ExplorerError
from explorer.familiarity.case_bodies import bodies
from explorer.jobs.tasks import MeasureBody
from explorer.records import to_json
from explorer.settings import WORLD
from explorer.worker.context import Context
from explorer.world.files import open_world
from explorer.world.manifest import read_manifest


def test(task: MeasureBody, context: Context) -> Any:
    """Writes a BodyTest for each of the two answers that the case's works have with controls."""
    case = context.case()
    artists = {row["id"]: row["creator"] for row in read_manifest(open_world(WORLD))}
    found = bodies(case, artists, world=WORLD, one_artist=task.one_artist)
    if not found:
        raise ExplorerError("familiarity.no_works", title=case.title)
    context.commit(*found)
    return [to_json(one) for one in found]
