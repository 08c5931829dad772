"""Where the parts of a world lie, and the fingerprint that names it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import ExplorerError

SIZE_PX = 64  # side of the images that every model of the world sees
DISPLAY_PX = 256  # side of the display copies
REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_WORLD = REPOSITORY / "assets" / "world"
DEFAULT_SOURCE = Path("/usr/share/openclipart")
CLIP_NAME = "afterimage-world-64"
FINGERPRINTED = ("manifest.parquet", "clip", "diffusion")


def default_cache() -> Path:
    """Folder for what can be computed again (checkpoints, latents); never inside the assets."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "afterimage" / "world"


@dataclass(frozen=True)
class World:
    """Paths of one world on disk; `cache` holds checkpoints and may be deleted."""

    root: Path
    cache: Path

    @property
    def works(self) -> Path:
        return self.root / "works"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.parquet"

    @property
    def clip(self) -> Path:
        return self.root / "clip"

    @property
    def clip_config(self) -> Path:
        return self.clip / f"{CLIP_NAME}.json"

    @property
    def clip_weights(self) -> Path:
        return self.clip / "open_clip_model.safetensors"

    @property
    def diffusion(self) -> Path:
        return self.root / "diffusion"

    @property
    def collection(self) -> Path:
        return self.root / "collection"

    @property
    def card(self) -> Path:
        return self.root / "card.json"

    @property
    def hard_works(self) -> Path:
        return self.root / "hard_works.parquet"

    @property
    def near_copy(self) -> Path:
        return self.root / "near_copy.json"

    def checkpoint(self, name: str) -> Path:
        """Path of a checkpoint; creates the cache folder."""
        self.cache.mkdir(parents=True, exist_ok=True)
        return self.cache / f"{name}.pt"


def open_world(root: Path | str | None = None, cache: Path | str | None = None) -> World:
    """Name the folders of a world; creates nothing. Each world has checkpoints of its own."""
    where = Path(root or DEFAULT_WORLD).resolve()
    own = default_cache()
    if where != DEFAULT_WORLD:
        own = own / f"{where.name}-{hashlib.sha256(str(where).encode()).hexdigest()[:8]}"
    return World(where, Path(cache) if cache else own)


def require(path: Path, stage: str) -> Path:
    """Return `path`, or say which stage makes it."""
    if not path.exists():
        raise ExplorerError("world.files_missing_run_python", path=path, stage=stage)
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path` through a temporary file, so that a stop leaves no half file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ExplorerError("world.files_cannot_write", path=path, strerror=error.strerror) from error


def write_json(path: Path, value: object) -> None:
    """Write `value` as indented JSON, atomically."""
    write_atomically(path, (json.dumps(value, indent=2, sort_keys=False) + "\n").encode())


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fingerprint(root: Path) -> str:
    """SHA-256 over `path hash` lines of manifest, weights and configs, sorted by path.

    The display copies are covered through the hashes in the manifest. Index, card and
    contact sheets quote the fingerprint and so are not part of it.
    """
    files: list[Path] = []
    for name in FINGERPRINTED:
        part = root / name
        files += [part] if part.is_file() else [p for p in part.rglob("*") if p.is_file()]
    if not files:
        raise ExplorerError("world.files_holds_no_world", root=root)
    lines = sorted(f"{p.relative_to(root).as_posix()} {sha256_file(p)}\n" for p in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def size_mb(root: Path) -> float:
    """Size of every file below `root`, in 10^6 bytes."""
    return sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) / 1e6
