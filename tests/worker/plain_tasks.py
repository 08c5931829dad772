"""Tasks without models, for tests of queue and worker; a worker imports this by `--also`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from explorer.cases.blobs import sha256
from explorer.errors import ExplorerError
from explorer.jobs.tasks import Task
from tests.cases.made import make_replay


@dataclass(frozen=True)
class Count(Task, kind="desk", runner=f"{__name__}:count"):
    """Commits `n` replays, `pause_s` apart."""

    case_id: str
    n: int
    pause_s: float = 0.0
    search_id: str = "q"


@dataclass(frozen=True)
class Stubborn(Task, kind="desk", runner=f"{__name__}:stubborn"):
    """Sleeps without looking up."""

    seconds: float


@dataclass(frozen=True)
class Fault(Task, kind="desk", runner=f"{__name__}:fault"):
    """Fails in the way that it is told to."""

    way: str  # "sentence" | "bug" | "memory" | "device" | "crash"


@dataclass(frozen=True)
class Short(Task, kind="desk", interactive=True, runner=f"{__name__}:short"):
    """Tells in which process it ran, under which settings, and which modules that has."""

    text: str = ""


def count(task, context):
    for seed in range(task.n):
        context.report(seed, task.n, "counting", preview_png=b"png%d" % seed)
        image = b"image %d" % seed
        replay = make_replay(seed=seed, search_id=task.search_id, image_sha256=sha256(image))
        if context.commit(replay, blobs={replay.image_sha256: image}):
            time.sleep(task.pause_s)
        context.run.tick()
    return {"n": task.n}


def stubborn(task, context):
    context.run.tick()
    time.sleep(task.seconds)


def fault(task, context):
    context.run.tick()
    if task.way == "sentence":
        raise ExplorerError("The picture is too large. Choose a smaller one.")
    if task.way == "memory":
        raise MemoryError
    if task.way == "device":
        raise type("AcceleratorError", (RuntimeError,), {})("CUDA error: unspecified launch failure")
    if task.way == "crash":
        os._exit(9)
    raise RuntimeError("a secret detail")


def short(task, context):
    import sys
    context.run.tick()
    return {"text": task.text, "pid": os.getpid(), "offline": context.settings.offline,
            "told": os.environ.get("HF_HUB_OFFLINE", ""), "heavy": sorted(
        {"torch", "faiss", "streamlit", "diffusers", "open_clip"} & set(sys.modules))}
