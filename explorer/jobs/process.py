"""Is a process still the one that we mean? A pid alone may have been given to another since."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil


def me() -> tuple[int, float]:
    """This process: its pid and when it was born (see `born`)."""
    return os.getpid(), born(os.getpid())


def born(pid: int) -> float:
    """When a process was born, the same number for as long as it lives; psutil.Error if there is none.

    On Linux these are seconds since the computer started: psutil reckons from there to 1970 by the clock of
    the moment, so that a clock that is set would make every living process another one. Elsewhere the system
    itself keeps the time of birth (seconds since 1970).
    """
    if sys.platform != "linux":
        return psutil.Process(pid).create_time()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError) as error:
        raise psutil.NoSuchProcess(pid) from error


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
        if abs(born(pid) - born_s) > 0.05 or found.status() == psutil.STATUS_ZOMBIE:
            return None
        return found
    except psutil.Error:
        return None
