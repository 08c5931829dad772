"""What a long computation is given: it lets short work in between, can be ended, and says where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from explorer.records import Progress


class Run:
    """The run that a computation is part of. This one is never ended and tells nobody."""

    def tick(self) -> None:
        """Called between steps: short tasks may run now; raises Cancelled when the computation is to end."""

    def report(self, progress: Progress) -> None:
        """Says where the computation stands; a tick as well."""
        self.tick()


QUIET = Run()


class Within(Run):
    """A part of a run: it ticks with it, and says nothing of its own."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def tick(self) -> None:
        self.run.tick()


class Counted(Within):
    """A part of a run that has `total` steps: each tick says how many are done."""

    def __init__(self, run: Run, total: int, message: str) -> None:
        super().__init__(run)
        self.total, self.message, self.done = total, message, 0

    def tick(self) -> None:
        self.done += 1
        self.run.report(Progress(min(self.done, self.total), self.total, self.message))


class Retold(Within):
    """A part of a run whose reports are put in other words."""

    def __init__(self, run: Run, told: Callable[[Progress], Progress]) -> None:
        super().__init__(run)
        self.told = told

    def report(self, progress: Progress) -> None:
        self.run.report(self.told(progress))


class Engine(Protocol):
    """Does units of work, here or on other machines, where several are under way at once."""

    def run(self, units: Iterable[Any], on_made: Callable[[Any, Any], Any], *, run: Run) -> None:
        """Takes units as there is room for them, and hands each, with what came of it, to `on_made`."""
        ...
