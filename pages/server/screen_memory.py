"""Keeps what lasts out of the garbage collection that Streamlit runs after every draw.

That collection looks at every object there is. Nearly all belong to modules and to sessions that stay: with
them it took a third to six sevenths of the time of a part that redraws itself every second.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable

_MORE = 20  # modules that must have come since the last time
_EVERY_S = 15.0


class ScreenMemory:
    """How many modules there were when objects were last set aside, and when that was."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.modules, self.clock, self.at = 0, clock, clock()
        self._turn = threading.Lock()

    def set_aside(self) -> bool:
        """Sets all objects of the process aside (`gc.freeze`) if many modules came or it is time; whether it did.

        What was set aside before is looked at again first, so what is no longer needed goes soon.
        """
        due = len(sys.modules) >= self.modules + _MORE or self.clock() >= self.at + _EVERY_S
        if not due or not self._turn.acquire(blocking=False):
            return False
        try:
            self.modules, self.at = len(sys.modules), self.clock()
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        finally:
            self._turn.release()
        return True


loaded = ScreenMemory()
