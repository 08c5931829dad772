"""What must hold after a fault, and a small case to do harm to."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from explorer.cases.case import Case
from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.records import Effort, SearchPlan, SearchSummary
from tests.cases.made import make_recipe, make_replay, make_subject


@dataclass
class Losses:
    """Counts over all faults: of the faults, and of what went wrong."""

    events: int = 0
    lost: int = 0
    duplicated: int = 0
    unopenable: int = 0

    def judge(self, folder: Path, said: Collection[int]) -> set[int]:
        """Opens the case after a fault; `said` are seeds whose commit had returned. Returns all there."""
        self.events += 1
        try:
            case = Case(folder)
            entries = case.log()
            if check_chain(entries):
                self.unopenable += 1
            made = Counter(e.body["data"]["recipe"]["seed"] for e in entries if e.kind == "Replay")
            listed = case.replays("s", order_by="time", limit=-1)
            whole = {r.recipe.seed for r in listed if _whole(case, r.image_sha256)}
            case.close()
        except ExplorerError:
            self.unopenable += 1
            return set(said)
        self.lost += len(set(said) - whole) + len(set(made) - whole)
        self.duplicated += sum(n - 1 for n in made.values()) + len(listed) - len({r.id for r in listed})
        return whole


def _whole(case: Case, name: str) -> bool:
    try:
        case.blob(name)
        return True
    except ExplorerError:
        return False


def picture(seed: int) -> tuple[str, bytes]:
    """A blob of about 2 kB that stands for a replay's image, with its SHA-256."""
    data = random.Random(seed).randbytes(2000)
    return hashlib.sha256(data).hexdigest(), data


def commit(case: Case, seed: int) -> None:
    """Commits one replay with its image."""
    name, data = picture(seed)
    case.commit(make_replay(seed=seed, image_sha256=name), blobs={name: data})


def fill(store: CaseStore, *, replays: int) -> Case:
    """A case with a subject, a search and so many replays; exports of it need no model."""
    case = store.create("A case", owner="Ada")
    (one, first), (two, second) = picture(10**6), picture(10**6 + 1)
    case.commit(make_subject(sha256=one, pixels_sha256=two), blobs={one: first, two: second})
    case.commit(SearchPlan("q", "s", {"prompt": "a red door"}, make_recipe().model, "c", "", replays))
    for seed in range(replays):
        commit(case, seed)
    effort = Effort(replays, 20 * replays, 1.0)
    case.commit(SearchSummary("q", "s", "done", "tiled_l2", "", effort, (), replays))
    case.set("threshold", 0.15)
    return case
