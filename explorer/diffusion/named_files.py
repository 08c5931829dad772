"""The model and adapters that a picture's settings name, looked for among the files of this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer.diffusion.adapter_files import parse_source
from explorer.diffusion.locate import WITH
from explorer.diffusion.other_hashes import UNKNOWN, compared, found_among
from explorer.images.metadata import Generation
from explorer.settings import Settings


@dataclass(frozen=True)
class NamedFiles:
    """`model` is "same", "other" or "unknown": whether the model's file has the hash that the settings name.

    `adapters` are (name, path) of what was found by hash and name and is not laid over the model already;
    `missing` are the names of those that were not found.
    """

    model: str
    adapters: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]


def look_for(claimed: Generation, source: str, settings: Settings) -> NamedFiles:
    """Compares the base file of `source` with the claimed hash; reads whole files: some seconds a gigabyte."""
    base, used = parse_source(source)
    file = Path(base.partition(WITH)[0]).expanduser()
    state = compared(claimed.model_hash, file) if claimed.model_hash else UNKNOWN
    folders = [Path(folder).expanduser() for folder in settings.model_folders]
    there = {a.name: found_among(a.name, a.hash, folders) for a in claimed.adapters}
    laid = [file.path for file in used]
    return NamedFiles(state, tuple((name, str(path)) for name, path in there.items() if path and path not in laid),
                      tuple(name for name, path in there.items() if path is None))
