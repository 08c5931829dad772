"""What a long computation is given: it lets short work in between, can be ended, and says where it stands."""

from __future__ import annotations

from explorer.records import Progress


class Run:
    """The run that a computation is part of. This one is never ended and tells nobody."""

    def tick(self) -> None:
        """Called between steps: short tasks may run now; raises Cancelled when the computation is to end."""

    def report(self, progress: Progress) -> None:
        """Says where the computation stands."""


QUIET = Run()
