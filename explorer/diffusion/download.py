"""Fetches a model from the hub into the workspace: pinned, resumable, checked, safetensors only."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.diffusion.classes import read_index
from explorer.diffusion.locate import HUB_ID, PICKLES, hub_folder
from explorer.errors import ExplorerError
from explorer.foreign.reading import parse_object
from explorer.records import Progress
from explorer.run import QUIET, Run
from explorer.texts import say, texts_of

HUB = "https://huggingface.co"
CHUNK = 1 << 20
MOST_BYTES = 1 << 42  # of one file
COMMIT = re.compile(r"[0-9a-f]{40,64}")
PLAIN_NAME = re.compile(r"[^\\/:*?\"<>|\x00-\x1f]{1,200}")
KEPT = (".json", ".txt", ".model", ".safetensors", "chat_template.jinja")


@dataclass(frozen=True)
class RemoteFile:
    """A file of the wanted revision: `sha256` for large ones, else git's `blob` SHA-1."""

    name: str
    size: int
    sha256: str
    blob: str


def download_model(source: str, *, home: Path, offline: bool, variant: str = "fp16", hub: str = HUB,
                   timeout_s: float = 30.0, run: Run = QUIET) -> str:
    """Writes the model into the workspace `home`, reporting bytes; returns the pinned source "id@commit".

    `variant` "fp16" takes half-precision weights where there are any. A broken download goes on where it
    stopped. ExplorerError when offline, for unknown or gated ids, pickles, too little space, a broken
    connection, and a file whose checksum is wrong.
    """
    if offline:
        raise ExplorerError("diffusion.download_nothing_leaves_computer")
    if not HUB_ID.match(source):
        raise ExplorerError("diffusion.download_no_hub_id", source=source)
    name, _, revision = source.partition("@")
    facts = _facts(hub, name, revision or "main", timeout_s)
    pinned = f"{name}@{facts['sha']}"
    target = hub_folder(pinned, home)
    if not (target / "model_index.json").is_file():
        _fetch_all(hub, name, facts, variant, target, timeout_s, run)
    return pinned


def download_files(name: str, wanted: Sequence[str], target: Path, *, offline: bool, hub: str = HUB,
                   timeout_s: float = 30.0, run: Run = QUIET) -> str:
    """Writes the `wanted` files of a hub repository into the folder `target`, all or none; returns the commit.

    Reports bytes, goes on where a broken try stopped, and checks each file's checksum. ExplorerError as
    `download_model`, and where the repository lacks one of them.
    """
    if offline:
        raise ExplorerError("diffusion.download_nothing_leaves_computer")
    facts = _revision(hub, name, "main", timeout_s)
    named = {s["rfilename"]: s for s in _check_siblings(facts.get("siblings"), name)}
    lacking = next((file for file in wanted if file not in named), None)
    if lacking:
        raise ExplorerError("diffusion.download_lacks_file", name=name, file=lacking)
    draft = target.with_name(target.name + ".partial")
    base = f"{hub}/{name}/resolve/{facts['sha']}/"
    _fetch_files(base, name, [_remote(named[f]) for f in wanted], draft, timeout_s, run)
    os.replace(draft, target)
    return facts["sha"]


def _fetch_all(hub: str, name: str, facts: dict[str, Any], variant: str, target: Path,
               timeout_s: float, run: Run) -> None:
    draft = target.with_name(target.name + ".partial")
    base = f"{hub}/{name}/resolve/{facts['sha']}/"
    index = _object(_read(base + "model_index.json", timeout_s), name)
    files = choose_files(facts["siblings"], index, variant=variant)
    _fetch_files(base, name, files, draft, timeout_s, run)
    card = facts.get("cardData")
    told = card.get("license", "not stated") if isinstance(card, dict) else "not stated"
    licence = told[:500] if isinstance(told, str) else "not stated"
    (draft / "afterimage.json").write_text(json.dumps({"name": name, "licence": licence}), "utf-8")
    os.replace(draft, target)


def _fetch_files(base: str, name: str, files: Sequence[RemoteFile], draft: Path, timeout_s: float,
                 run: Run) -> None:
    total = sum(f.size for f in files)
    _check_space(draft.parent, total - sum(p.stat().st_size for p in draft.rglob("*") if p.is_file()))
    done = 0
    for file in files:
        for size in _fetch(base + urllib.parse.quote(file.name), draft / file.name, file, timeout_s):
            run.report(Progress(done + size, total, say("progress.of", file_name=file.name, name=name)))
        done += file.size


def choose_files(siblings: list[dict[str, Any]], index: dict[str, Any], *, variant: str) -> list[RemoteFile]:
    """The configs and weights that the pipeline in `index` needs, one precision each; pickles refused."""
    parts = read_index(index, "this repository").parts
    inside = [s for s in siblings if s["rfilename"].split("/")[0] in parts and s["rfilename"].count("/") == 1]
    chosen = [s for s in siblings if s["rfilename"] == "model_index.json"]
    for part in sorted(parts):
        chosen += _of_part([s for s in inside if s["rfilename"].startswith(part + "/")], part, variant)
    return [_remote(s) for s in chosen]


def _of_part(files: list[dict[str, Any]], part: str, variant: str) -> list[dict[str, Any]]:
    names = [f["rfilename"] for f in files]
    weights = [n for n in names if n.endswith(".safetensors")]
    if not weights and any(Path(n).suffix in PICKLES for n in names):
        raise ExplorerError("diffusion.download_part_model_only", part=part)
    special = [n for n in names if n.count(".") > 1 and not n.endswith(".safetensors.index.json")
               and "-of-" not in n]
    halves = [n for n in names if f".{variant}." in n] if variant else []
    drop = set(special) - set(halves)
    if any(n.endswith(".safetensors") for n in halves):
        drop |= {n for n in names if ".safetensors" in n and n not in halves}
    return [f for f in files if f["rfilename"] not in drop and f["rfilename"].endswith(KEPT)]


def _remote(sibling: dict[str, Any]) -> RemoteFile:
    lfs = sibling.get("lfs") or {}
    size = lfs.get("size") or sibling.get("size") or 0
    return RemoteFile(sibling["rfilename"], size, str(lfs.get("sha256", "")), str(sibling.get("blobId", "")))


def _check_siblings(siblings: Any, name: str) -> list[dict[str, Any]]:
    """The files of an answer; ExplorerError unless each has a name below the repository's folder, and a size."""
    for one in siblings if isinstance(siblings, list) else [None]:
        lfs = one.get("lfs") or {} if isinstance(one, dict) else None
        if not isinstance(lfs, dict) or not isinstance(one.get("rfilename"), str):
            raise ExplorerError("diffusion.download_lists_no_files", name=name)
        parts = one["rfilename"].split("/")
        if any(p in ("", ".", "..") or not PLAIN_NAME.fullmatch(p) for p in parts):
            raise ExplorerError("diffusion.download_file_elsewhere", name=name, file=one["rfilename"][:60])
        sizes = (lfs.get("size"), one.get("size"))
        if any(s is not None and (type(s) is not int or not 0 <= s < MOST_BYTES) for s in sizes):
            raise ExplorerError("diffusion.download_sizes_of_none", name=name)
    return siblings


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        return parse_object(data)
    except ValueError as error:
        raise ExplorerError("diffusion.download_answer_damaged", name=name, error=error) from error


def _fetch(url: str, path: Path, file: RemoteFile, timeout_s: float) -> Iterator[int]:
    """Writes one file, going on where an earlier try stopped; yields bytes so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        yield file.size
        return
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.is_file() else 0
    if have < file.size or not have:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        with _open(request, timeout_s) as answer, part.open("ab" if answer.status == 206 else "wb") as out:
            while block := _block(answer, file):
                if out.tell() + len(block) > file.size:
                    raise ExplorerError("diffusion.download_more_than_said", file_name=file.name)
                out.write(block)
                yield out.tell()
    _check(part, file)
    os.replace(part, path)


def _block(answer: Any, file: RemoteFile) -> bytes:
    try:
        return answer.read(CHUNK)
    except (OSError, urllib.error.URLError) as error:
        raise ExplorerError("diffusion.download_connection_broke_while", file_name=file.name,
                            error=error) from error


def _check(part: Path, file: RemoteFile) -> None:
    size = part.stat().st_size
    if size < file.size:
        raise ExplorerError("diffusion.download_connection_ended_bytes", size=file.size - size, file_name=file.name)
    with part.open("rb") as data:
        if file.sha256:
            good = hashlib.file_digest(data, "sha256").hexdigest() == file.sha256
        else:  # git names a small file by the SHA-1 of a header and its bytes
            good = hashlib.sha1(b"blob %d\0" % size + data.read()).hexdigest() == file.blob
    if not good:
        part.unlink()
        raise ExplorerError("diffusion.download_arrived_wrong_checksum", file_name=file.name)


def _check_space(folder: Path, needed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free * 0.95:
        raise ExplorerError("diffusion.download_model_needs_gb", needed=needed / 1e9, free=free / 1e9,
                            folder=folder)


def _revision(hub: str, name: str, revision: str, timeout_s: float) -> dict[str, Any]:
    """What the hub says of a repository at a revision; ExplorerError unless that is a commit."""
    facts = _object(_read(f"{hub}/api/models/{name}/revision/{urllib.parse.quote(revision)}?blobs=true", timeout_s),
                    name)
    if not isinstance(facts.get("sha"), str) or not COMMIT.fullmatch(facts["sha"]):
        raise ExplorerError("diffusion.download_no_commit", name=name)
    return facts


def _facts(hub: str, name: str, revision: str, timeout_s: float) -> dict[str, Any]:
    """The same, of a model's repository."""
    facts = _revision(hub, name, revision, timeout_s)
    if not any(s["rfilename"] == "model_index.json" for s in _check_siblings(facts.get("siblings"), name)):
        raise ExplorerError("diffusion.download_no_diffusers_model", name=name)
    return facts


def _read(url: str, timeout_s: float) -> bytes:
    with _open(urllib.request.Request(url), timeout_s) as answer:
        return answer.read(64 << 20)


def _open(request: urllib.request.Request, timeout_s: float) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        told = texts_of("note.hub")
        raise ExplorerError("diffusion.download_hub_refused", full_url=request.full_url, code=error.code,
                            reason=told.get(f"code_{error.code}", told["otherwise"])) from error
    except OSError as error:
        raise ExplorerError("diffusion.download_hub_not_reached", reason=getattr(error, "reason", error)) from error
