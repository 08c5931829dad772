"""One name, one thing: no two classes of the library and its screens are called alike, and no two modules.

What Python itself calls `__init__` and `__main__` stands in every room.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = [path for room in ("explorer", "pages") for path in sorted((ROOT / room).rglob("*.py"))]


def twice(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_classes_share_a_name():
    places = defaultdict(list)
    for path in SHIPPED:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 300 and not twice(places)


def test_no_two_modules_share_a_name():
    places = defaultdict(list)
    for path in SHIPPED:
        if path.stem not in ("__init__", "__main__"):
            places[path.stem].append(str(path.relative_to(ROOT)))
    assert len(places) > 300 and not twice(places)
