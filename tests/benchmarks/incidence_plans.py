"""Plans that are altered after both sides have signed them: each change is found, wherever it is made."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.evidence.agreed_plan import (
    AgreedPlan,
    PlannedEffort,
    PlannedModel,
    Population,
    SignedPlan,
    broken_signatures,
    make_key,
    read_plan,
    sign,
    write_plan,
)
from explorer.evidence.plan_on_record import put_plan


def altered_plans(home: Path, many: int) -> dict[str, int]:
    """How many of `many` altered plans are found, by reading them and by putting them on record."""
    dice, keys = random.Random(5), [make_key(None), make_key(None)]
    case = CaseStore(home / "cases").create("Altered plans")
    found = 0
    for _ in range(many):
        data = _altered(write_plan(_signed(dice, keys)), dice)
        found += _told(data) and _refused(case, data)
    assert not _told(write_plan(_signed(dice, keys))), "an untouched plan must hold"
    case.close()
    return {"altered": many, "altered_found": found}


def _signed(dice: random.Random, keys: list[bytes]) -> SignedPlan:
    name = lambda: f"{dice.getrandbits(256):064x}"  # noqa: E731
    plan = AgreedPlan(
        f"Question {dice.random()}", tuple(name() for _ in range(dice.randint(1, 4))),
        tuple(PlannedModel(f"model {i}", name()) for i in range(dice.randint(1, 3))),
        PlannedEffort(dice.choice((16, 64)), dice.randint(10, 50), (1.0, 7.5), "euler", 512, 512, (0.2, 0.4)),
        "tiled_l2", 0.15, 0.05, tuple(Population(f"log {i}", name(), 500) for i in range(2)), "made later", name(),
        200, (0.25, 0.5, 1.0), "notes")
    signed = SignedPlan(plan)
    for number, key in enumerate(keys):
        signed = sign(signed, key, name=f"Side {number}", password=None, clock=lambda: "2026-11-30T12:00:00Z")
    return signed


def _altered(data: bytes, dice: random.Random) -> bytes:
    """The file with one value changed, one entry of a list left out or doubled, or a signature changed."""
    value = json.loads(data)
    places = list(_places(value))
    while True:
        holder, key = dice.choice(places)
        before = json.dumps(value, sort_keys=True)
        old = holder[key]
        if isinstance(old, list):
            holder[key] = old[:-1] if dice.random() < 0.5 else [*old, *old[:1]]
        elif isinstance(old, str):
            at = dice.randrange(len(old)) if old else 0
            holder[key] = old[:at] + ("0" if old[at:at + 1] != "0" else "1") + old[at + 1:]
        else:
            holder[key] = old + 1 if dice.random() < 0.5 else old / 2
        if json.dumps(value, sort_keys=True) != before:
            return json.dumps(value).encode()


def _places(value: Any):
    """(holder, key) of every value of a JSON value but its signatures' list itself."""
    for key in value if isinstance(value, dict) else range(len(value)):
        if isinstance(value[key], dict):
            yield from _places(value[key])
        elif isinstance(value[key], list) and key != "signatures":
            yield value, key
            yield from _places(value[key])
        elif isinstance(value[key], list):
            yield from _places(value[key])
        else:
            yield value, key


def _told(data: bytes) -> bool:
    """Whether reading the file says that it was altered, or refuses it."""
    try:
        return bool(broken_signatures(read_plan(data)))
    except ExplorerError:
        return True


def _refused(case, data: bytes) -> bool:
    try:
        put_plan(case, data)
    except ExplorerError:
        return True
    return False
