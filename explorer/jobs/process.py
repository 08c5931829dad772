"""Is a process still the one that we mean? A pid alone may have been given to another since."""

from __future__ import annotations

import contextlib
import os

import psutil


def me() -> tuple[int, float]:
    """This process: its pid and when it was born (seconds since 1970)."""
    return os.getpid(), psutil.Process().create_time()


def is_alive(pid: int, born_s: float) -> bool:
    """Whether the process with this pid and birth runs; a zombie does not."""
    found = _find(pid, born_s)
    return found is not None


def end(pid: int, born_s: float) -> bool:
    """Ends that process and its children at once, without asking; False if it was gone."""
    found = _find(pid, born_s)
    if found is None:
        return False
    with contextlib.suppress(psutil.Error):
        family = [found, *found.children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(family, timeout=2.0)
    return True


def _find(pid: int, born_s: float) -> psutil.Process | None:
    try:
        found = psutil.Process(pid)
        if abs(found.create_time() - born_s) > 0.05 or found.status() == psutil.STATUS_ZOMBIE:
            return None
        return found
    except psutil.Error:
        return None
