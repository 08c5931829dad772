"""Hashes by which other programs name a file of weights, and whether a file at hand is the one that is named.

A1111 writes the first ten digits of the file's SHA-256 (earlier ones eight, over 64 KB of it); Civitai's AutoV2 is
those ten, its AutoV3 and A1111's hashes of LoRAs are over what follows a safetensors file's header.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from explorer.diffusion.fingerprint import file_sha256

SAME, OTHER, UNKNOWN = "same", "other", "unknown"
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_OLD_AT, _OLD_BYTES = 0x100000, 0x10000
MOST_FILES = 2000


@dataclass(frozen=True)
class FileHashes:
    """`sha256` of the file, `tensors` of what follows its header ("" for other files), `old` A1111's first kind."""

    sha256: str
    tensors: str
    old: str


def hashes_of(path: Path) -> FileHashes:
    """All hashes of one file; reads it twice."""
    with path.open("rb") as file:
        file.seek(_OLD_AT)
        old = hashlib.sha256(file.read(_OLD_BYTES)).hexdigest()[:8]
    return FileHashes(file_sha256(path), _tensors(path) if path.suffix.lower() == ".safetensors" else "", old)


def _tensors(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        size = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))[0]
        file.seek(8 + min(size, path.stat().st_size))
        while block := file.read(2 ** 20):
            made.update(block)
    return made.hexdigest()


def compared(named: str, path: Path) -> str:
    """"same", "other" or "unknown": whether the file is the one that a hash names.

    Eight digits or fewer, which many files share, and hashes of kinds that are not known decide nothing.
    """
    match = _HEX.fullmatch(named.strip().lower())
    if match is None or not path.is_file() or len(match[1]) < 10:
        return UNKNOWN
    known = hashes_of(path)
    return SAME if any(h.startswith(match[1]) for h in (known.sha256, known.tensors) if h) else OTHER


def found_among(name: str, digest: str, folders: Iterable[Path]) -> Path | None:
    """The file that a claim names, by hash among the files of that name, else by name alone; None if there is none.

    A file of the name whose hash is another is not offered.
    """
    stem = name.replace("\\", "/").rpartition("/")[2].removesuffix(".safetensors").casefold()
    files = [p for folder in folders for p in sorted(folder.rglob("*.safetensors"))[:MOST_FILES] if p.is_file()]
    for path in (p for p in files if p.stem.casefold() == stem):
        if compared(digest, path) != OTHER:
            return path
    return None
