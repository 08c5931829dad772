"""Serving a collection with clip-retrieval's own backend, on this computer only unless told otherwise."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explorer.collections.layout import find_layout
from explorer.collections.net import FetchPolicy, fetch
from explorer.errors import ExplorerError
from explorer.folders import typed_path
from explorer.foreign.configs import check_config, check_no_code
from explorer.foreign.offline import OFFLINE
from explorer.foreign.reading import read_json
from explorer.settings import WORLD
from explorer.texts import say

COLUMNS = ("id", "title", "creator", "keywords", "caption", "licence", "url", "multiplicity", "image_path")
START_S = 300.0  # its imports alone take some 20 s, several times that on a busy computer
HUB_NAME = re.compile(r"(\w[\w.-]*(/\w[\w.-]*)?)?")
PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")
# Some of the CLIPs that clip-retrieval knows are fetched by libraries that know no switch: they find no way out.
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9") \
    | {"no_proxy": "127.0.0.1,localhost,::1", "NO_PROXY": "127.0.0.1,localhost,::1"}
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
    print(say("note.collections.starting_clip_retrieval", layout_name=layout.name), flush=True)
    clip = clip or str(layout.card.get("clip") or "world")
    with start({layout.name: str(folder)}, clip=clip, port=port) as backend:
        print(say("note.collections.serving_end_ctrl", layout_name=layout.name, url=backend.url), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            code = backend.process.wait()
            raise ExplorerError("collections.serve_backend_ended_itself", code=code, log=backend.log[-300:])
    return {"served": layout.name, "url": backend.url}


def start(sources: Mapping[str, str], *, clip: str = "world", port: int = 0,
          host: str = "127.0.0.1") -> Backend:
    """Starts `clip-retrieval back` on collections (name -> folder or "world"), and waits until it answers.

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
               f"--columns_to_return={json.dumps(list(COLUMNS))}", "--enable_faiss_memory_mapping=True",
               f"--use_arrow={arrow == {'arrow'}}", f"--enable_hdf5={arrow == {'hdf5'}}", "--use_jit=False",
               "--enable_mclip_option=False", "--provide_aesthetic_embeddings=False",
               "--provide_safety_model=False", "--provide_violence_detector=False"]
    with open(here / "backend.log", "wb") as sink:
        process = subprocess.Popen(command, cwd=_REPOSITORY, stdin=subprocess.DEVNULL, stdout=sink,
                                   stderr=subprocess.STDOUT, env={**os.environ, **OFFLINE, **NOWHERE})
    backend = Backend(f"http://{host}:{port}", process, folder)
    try:
        _wait(backend)
    except BaseException:
        backend.close()
        raise
    return backend


def clip_argument(clip: str, scratch: Path) -> tuple[str, str]:
    """clip-retrieval's name for a CLIP and the config file that must be made known first, or ""."""
    folder = WORLD / "clip" if clip == "world" else typed_path(clip)
    if not (folder / "open_clip_config.json").is_file():
        if clip == "world" or folder.is_dir():
            raise ExplorerError("collections.serve_holds_no_open", folder=folder)
        _check_name(clip)
        return clip, ""
    check_no_code(folder)
    config = read_json(folder / "open_clip_config.json").get("model_cfg")
    _check_texts(config.get("text_cfg") if isinstance(config, dict) else None, folder)
    weights = folder / "open_clip_model.safetensors"
    if not weights.is_file():
        raise ExplorerError("collections.serve_holds_no_weights", folder=folder)
    known = scratch / f"afterimage-{folder.resolve().parent.name}-{folder.name}.json"
    known.write_text(json.dumps(config))
    return f"open_clip:{known.stem}/{weights.resolve()}", str(known)


def _check_texts(text: Any, folder: Path) -> None:
    """ExplorerError where a CLIP's config would have the backend run code, or use what lies elsewhere."""
    if not isinstance(text, dict):
        raise ExplorerError("collections.serve_open_clip_config", folder=folder)
    check_config(text, folder / "open_clip_config.json")
    for key in ("hf_model_name", "hf_tokenizer_name"):
        name = text.get(key) or ""
        if not HUB_NAME.fullmatch(str(name)) or ((_REPOSITORY / str(name)).exists() and name):
            raise ExplorerError("collections.serve_open_clip_config_json", folder=folder, name=name, key=key)


def _check_name(clip: str) -> None:
    """ExplorerError for what clip-retrieval would load with code from elsewhere, or as a pickle."""
    prefix, _, rest = clip.rpartition(":")
    folder = typed_path(rest)
    if prefix == "hf_clip" and folder.is_dir():
        check_no_code(folder)
        for path in sorted(folder.glob("*config.json")):
            check_config(read_json(path), path)
    elif prefix not in ("", "open_clip", "openai_clip", "hf_clip") or rest.endswith(PICKLES):
        raise ExplorerError("collections.serve_clip_cannot_served", clip=clip)


def _wait(backend: Backend) -> None:
    begun = time.monotonic()
    policy = FetchPolicy(private=True, timeout_s=2.0, max_redirects=0)
    while time.monotonic() - begun < START_S:
        if backend.process.poll() is not None:
            last = " / ".join(backend.log.strip().splitlines()[-3:])[-400:]
            raise ExplorerError("collections.serve_clip_retrieval_backend_ended", last=last)
        with contextlib.suppress(ExplorerError):
            if fetch(backend.url + "/indices-list", policy=policy).status == 200:
                return
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
