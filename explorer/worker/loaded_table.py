"""Everything loaded in a worker (models, encoders, indexes), the least recently used dropped first."""

from __future__ import annotations

import gc
import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Loaded:
    """A thing in memory and what it takes."""

    value: Any
    size_bytes: int


class LoadedTable:
    """Loaded things by name, together at most `budget_bytes`; one that alone is larger stays alone."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self._rows: OrderedDict[str, Loaded] = OrderedDict()

    def get(self, name: str, load: Callable[[], Any], *, size_of: Callable[[Any], int],
            expected_bytes: int = 0) -> Any:
        """The thing of that name, loaded if it is not there; room for `expected_bytes` is made before."""
        if name in self._rows:
            self._rows.move_to_end(name)
            return self._rows[name].value
        self._make_room(expected_bytes)
        value = load()
        size = size_of(value)
        self._make_room(size)
        self._rows[name] = Loaded(value, size)
        return value

    def sizes(self) -> dict[str, int]:
        """Bytes of each thing, the least recently used first."""
        return {name: row.size_bytes for name, row in self._rows.items()}

    def drop(self, start: str) -> None:
        """Drops what has a name that begins so."""
        for name in [n for n in self._rows if n.startswith(start)]:
            del self._rows[name]
        _release()

    def clear(self) -> int:
        """Drops everything; returns the bytes handed back."""
        total = sum(row.size_bytes for row in self._rows.values())
        self._rows.clear()
        _release()
        return total

    def _make_room(self, needed: int) -> None:
        dropped = False
        while self._rows and sum(r.size_bytes for r in self._rows.values()) + needed > self.budget_bytes:
            self._rows.popitem(last=False)
            dropped = True
        if dropped:
            _release()


def _release() -> None:
    """Hands memory back; asks torch only where it is loaded already."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
