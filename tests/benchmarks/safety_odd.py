"""Model folders whose configs and weights' tables were spoiled, by number: other values, types and bytes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tests.benchmarks.safety_inputs import mutated

ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**63, -2**63, 1e308, -0.5, 0.1, "", "x", "x" * 5000, "\u202e",
    "../../etc/passwd", "diffusers", "torch.float16", [], {}, [[]], [None], [0], [-1, 2], [1] * 1000, [["a"]],
    {"a": None}, {"a": {"b": ["c"] * 9}}, ["diffusers", "UNet2DConditionModel"], [["diffusers"], "AutoModel"],
    10**6, 10**9, 64, 4096)
DAMAGE = (b"", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000, b"1" * 6000, b"NaN",
          b'{"a": 1e999}', b'{"\\ud800": "\\udfff"}')


def spoil(folder: Path, dice: random.Random) -> None:
    """Changes what stands in a model's configs and tables: other values, other types, other bytes."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".json", ".txt", ".safetensors"))
    for path in dice.sample(paths, min(len(paths), dice.choice((1, 1, 1, 2, 3)))):
        way = dice.random()
        if path.suffix == ".safetensors":
            path.write_bytes(_table(path.read_bytes(), dice))
        elif path.suffix == ".txt" or way < 0.25:
            path.write_bytes(dice.choice((*DAMAGE, mutated(path.read_bytes(), dice))))
        else:
            value = json.loads(path.read_text())
            for _ in range(dice.choice((1, 1, 2, 4))):
                _odd(value, dice)
            path.write_text(json.dumps(value))


def _odd(value: Any, dice: random.Random) -> None:
    """Puts something odd in place of a value anywhere in a tree, or takes it away."""
    while isinstance(value, (dict, list)) and value:
        key = dice.choice(sorted(value, key=str) if isinstance(value, dict) else range(len(value)))
        if not isinstance(value[key], (dict, list)) or not value[key] or dice.random() < 0.3:
            if dice.random() < 0.2:
                del value[key]
            else:
                value[key] = dice.choice(ODD)
            return
        value = value[key]


def _table(data: bytes, dice: random.Random) -> bytes:
    size = int.from_bytes(data[:8], "little")
    if dice.random() < 0.3:
        return mutated(data, dice)
    rows = json.loads(data[8:8 + size])
    if dice.random() < 0.3:
        text = dice.choice(DAMAGE)
    else:
        for _ in range(dice.choice((1, 1, 2, 5))):
            _odd(rows, dice)
        text = json.dumps(rows).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size:]
