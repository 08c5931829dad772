"""Keeps what the process has loaded out of the garbage collection that Streamlit runs after every draw.

That collection looks at every object there is. Nearly all belong to modules and never go: with them it took
six sevenths of the time of a part that redraws itself every second.
"""

from __future__ import annotations

import gc
import sys
import threading

_MORE = 20  # modules that must have come since the last time


class Loaded:
    """How many modules there were when their objects were last set aside."""

    def __init__(self) -> None:
        self.modules = 0
        self._turn = threading.Lock()

    def set_aside(self) -> bool:
        """Sets all objects of the process aside (`gc.freeze`) if many modules came; returns whether it did.

        Sessions that are open then are set aside too: what of them refers to itself in a circle stays, a few
        times in the life of a process.
        """
        if len(sys.modules) < self.modules + _MORE or not self._turn.acquire(blocking=False):
            return False
        try:
            self.modules = len(sys.modules)
            gc.collect()
            gc.freeze()
        finally:
            self._turn.release()
        return True


loaded = Loaded()
