"""Serving a collection with clip-retrieval's own backend, on this computer only unless told otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from explorer.collections.layout import find_layout
from explorer.collections.net import Policy, fetch
from explorer.errors import ExplorerError
from explorer.records import Progress
from explorer.settings import WORLD
from explorer.texts import say

COLUMNS = ("id", "title", "creator", "keywords", "caption", "licence", "url", "multiplicity", "image_path")
START_S = 300.0  # its imports alone take some 20 s, several times that on a busy computer
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Backend:
    """A running backend. Close it, or use it in a `with` statement, to end the process."""

    url: str
    process: subprocess.Popen = field(repr=False)
    folder: tempfile.TemporaryDirectory = field(repr=False)

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return (Path(self.folder.name) / "backend.log").read_text("utf-8", "replace")

    def close(self) -> None:
        """Ends the process."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def serve(folder: Path | str, *, port: int = 1234, clip: str = "") -> dict[str, str]:
    """Serves one collection on this computer until it is interrupted; prints where.

    `clip` is by default the one that the collection says it was made with."""
    layout = find_layout(str(folder))
    steps = start({layout.name: str(folder)}, clip=clip or str(layout.card.get("clip") or "world"), port=port)
    print(say("note.collections.starting_clip_retrieval", layout_name=layout.name), flush=True)
    while True:
        try:
            next(steps)
        except StopIteration as ready:
            backend: Backend = ready.value
            break
    with backend:
        print(say("note.collections.serving_end_ctrl", layout_name=layout.name, url=backend.url), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            code = backend.process.wait()
            raise ExplorerError("collections.serve_backend_ended_itself", code=code, log=backend.log[-300:])
    return {"served": layout.name, "url": backend.url}


def start(sources: Mapping[str, str], *, clip: str = "world", port: int = 0,
          host: str = "127.0.0.1", mapped: bool = True) -> Iterator[Progress]:
    """Starts `clip-retrieval back` on collections (name -> folder or "world"); returns a Backend.

    `clip` is "world", a folder with open_clip_config.json, or any name that clip-retrieval itself knows.
    Filters, safety and aesthetic models are off, because they would be downloaded. Port 0 takes a free one.
    ExplorerError with the backend's last words when it does not come up.
    """
    folder = tempfile.TemporaryDirectory(prefix="afterimage-backend-")
    here = Path(folder.name)
    port = _free_port(host, port)
    layouts = {name: find_layout(source) for name, source in sources.items()}
    (here / "indices_paths.json").write_text(json.dumps({n: str(v.folder) for n, v in layouts.items()}))
    model, config = clip_argument(clip, here)
    (here / "options.json").write_text(json.dumps({"host": host, "clip_config": config}))
    arrow = {v.rows_kind for v in layouts.values()}
    if len(arrow) > 1:
        raise ExplorerError("collections.serve_one_backend_collections")
    command = [sys.executable, "-m", "explorer.collections.backend", str(here / "options.json"), "back",
               f"--indices_paths={here / 'indices_paths.json'}", f"--port={port}", f"--clip_model={model}",
               f"--columns_to_return={json.dumps(list(COLUMNS))}", f"--enable_faiss_memory_mapping={mapped}",
               f"--use_arrow={arrow == {'arrow'}}", f"--enable_hdf5={arrow == {'hdf5'}}", "--use_jit=False",
               "--enable_mclip_option=False", "--provide_aesthetic_embeddings=False",
               "--provide_safety_model=False", "--provide_violence_detector=False"]
    with open(here / "backend.log", "wb") as sink:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdout=sink, stderr=subprocess.STDOUT,
                                   env={**os.environ, "HF_HUB_OFFLINE": "1"})
    backend = Backend(f"http://{host}:{port}", process, folder)
    try:
        yield from _wait(backend)
    except BaseException:
        backend.close()
        raise
    return backend


def clip_argument(clip: str, scratch: Path) -> tuple[str, str]:
    """clip-retrieval's name for a CLIP and the config file that must be made known first, or ""."""
    folder = WORLD / "clip" if clip == "world" else Path(clip)
    if not (folder / "open_clip_config.json").is_file():
        if clip == "world" or folder.is_dir():
            raise ExplorerError("collections.serve_holds_no_open", folder=folder)
        return clip, ""
    config = json.loads((folder / "open_clip_config.json").read_text("utf-8"))["model_cfg"]
    weights = next((p for n in ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
                    if (p := folder / n).is_file()), None)
    if weights is None:
        raise ExplorerError("collections.serve_holds_no_weights", folder=folder)
    known = scratch / f"afterimage-{folder.resolve().parent.name}-{folder.name}.json"
    known.write_text(json.dumps(config))
    return f"open_clip:{known.stem}/{weights.resolve()}", str(known)


def _wait(backend: Backend) -> Iterator[Progress]:
    begun = time.monotonic()
    policy = Policy(private=True, timeout_s=2.0, max_redirects=0)
    while time.monotonic() - begun < START_S:
        if backend.process.poll() is not None:
            last = " / ".join(backend.log.strip().splitlines()[-3:])[-400:]
            raise ExplorerError("collections.serve_clip_retrieval_backend_ended", last=last)
        with contextlib.suppress(ExplorerError):
            if fetch(backend.url + "/indices-list", policy=policy).status == 200:
                return
        yield Progress(0, 1, say("progress.backend_starting", monotonic=time.monotonic() - begun))
        time.sleep(0.5)
    raise ExplorerError("collections.serve_clip_retrieval_backend", start_s=START_S)


def _free_port(host: str, port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ExplorerError("collections.serve_port_cannot_used", port=port, host=host,
                                strerror=error.strerror) from error
        return int(probe.getsockname()[1])
