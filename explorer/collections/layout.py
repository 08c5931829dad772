"""What lies where in a clip-retrieval index folder; looks at names and small JSON files only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError, shortened
from explorer.folders import is_plain, typed_path
from explorer.settings import WORLD

MODALITIES = ("image", "text")
CARD = "collection.json"  # our own note beside an index: which CLIP made it, where its pictures are
_EMBEDDINGS = {"image": "img_emb", "text": "text_emb"}
_JSON_LIMIT = 4 * 2**20


@dataclass(frozen=True)
class Layout:
    """The parts of one index folder. `root` is what relative image paths start from."""

    source: str  # "world" or the folder
    folder: Path
    name: str
    root: Path
    indices: dict[str, Path]  # modality -> index file (or populated.index of an on-disk index)
    rows_kind: str  # "parquet" | "arrow" | "hdf5"
    rows: tuple[Path, ...]  # metadata files in row order
    mapping: Path | None = None  # index id -> metadata row, where the rows were put in IVF order
    embeddings: dict[str, tuple[Path, ...]] = field(default_factory=dict)  # modality -> .npy parts
    card: dict[str, Any] = field(default_factory=dict)


def find_layout(source: str) -> Layout:
    """The layout of "world", an index folder, or an `indices_paths.json` (several: add "#name")."""
    if source == "world":
        return _layout(WORLD / "collection", name="world", root=WORLD, card={"clip": "world"})
    text, _, wanted = source.partition("#") if not typed_path(source).exists() else (source, "", "")
    path = typed_path(text)
    if path.is_dir() and not _indices(path) and (path / "indices_paths.json").is_file():
        path = path / "indices_paths.json"
    if path.is_file() and path.suffix == ".json":
        return _from_list(path, wanted)
    if not path.is_dir():
        raise ExplorerError("collections.layout_no_collection", text=shortened(text))
    return _layout(path.resolve(), name=path.resolve().name)


def list_collections(path: Path) -> dict[str, dict[str, Any]]:
    """Name -> options (`indice_folder`, `clip_model`, ...) of an indices_paths.json."""
    found = read_json(path)
    named = {n: {"indice_folder": v} if isinstance(v, str) else v for n, v in found.items()}
    if not named or not all(isinstance(v, dict) and isinstance(v.get("indice_folder"), str)
                            for v in named.values()):
        raise ExplorerError("collections.layout_not_list_collections", path=shortened(path))
    return named


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object from disk; ExplorerError when it is large, damaged or something else."""
    try:
        if path.stat().st_size > _JSON_LIMIT:
            raise ValueError("it is larger than 4 MB")
        value = json.loads(path.read_text("utf-8"))
        if not isinstance(value, dict):
            raise ValueError("it is not an object")
        return value
    except (OSError, ValueError, RecursionError) as error:
        raise ExplorerError("collections.layout_cannot_read", path=shortened(path), error=error) from error


def _from_list(path: Path, wanted: str) -> Layout:
    named = list_collections(path)
    if not wanted and len(named) > 1:
        raise ExplorerError("collections.layout_lists_collections", path=shortened(path), named_count=len(named),
                            named=shortened(", ".join(sorted(named)[:20])))
    name = wanted or next(iter(named))
    if name not in named:
        raise ExplorerError("collections.layout_lists_no_collection", path=shortened(path), name=shortened(name),
                            named=shortened(", ".join(sorted(named)[:20])))
    options = named[name]
    folder = typed_path(options["indice_folder"])
    card = {"clip": str(options["clip_model"])} if options.get("clip_model") else {}
    return _layout((path.parent / folder).resolve(), name=name, card=card)


def _layout(folder: Path, *, name: str, root: Path | None = None, card: dict | None = None) -> Layout:
    indices = _indices(folder)
    if not indices:
        raise ExplorerError("collections.layout_holds_neither_image", folder=shortened(folder))
    kind, rows, mapping = _rows(folder)
    parts = {m: _parts(folder / d) for m, d in _EMBEDDINGS.items()}
    note = folder / CARD
    more = [p for p in (mapping, note) if p is not None and os.path.lexists(p)]
    _check_own(folder, [*indices.values(), *rows, *parts["image"], *parts["text"], *more])
    found = {**(read_json(note) if note.is_file() else {}), **(card or {})}
    return Layout(source="world" if name == "world" and root else str(folder), folder=folder,
                  name=_line(found.get("name") or name),
                  root=root or Path(_line(found.get("root") or folder, 4096)), indices=indices,
                  rows_kind=kind, rows=rows, mapping=mapping, embeddings=parts, card=found)


def _line(value: object, most: int = 200) -> str:
    """What a card says, as one line without control characters."""
    return "".join(c for c in str(value)[:most] if c.isprintable())


def _check_own(folder: Path, paths: Iterable[Path]) -> None:
    """ExplorerError where a file of a collection is not its own: other files of this computer are no captions."""
    for path in paths:
        if not is_plain(path, within=folder):
            raise ExplorerError("collections.layout_not_own", path=shortened(path))


def _indices(folder: Path) -> dict[str, Path]:
    found = {}
    for modality in MODALITIES:
        path = folder / f"{modality}.index"
        if path.is_dir():
            path = path / "populated.index"
        if os.path.lexists(path):
            found[modality] = path
    return found


def _rows(folder: Path) -> tuple[str, tuple[Path, ...], Path | None]:
    """Metadata in clip-retrieval's order (sorted file names); Arrow before Parquet before HDF5."""
    inside = sorted((folder / "metadata").glob("**/*")) if (folder / "metadata").is_dir() else []
    for kind in ("arrow", "parquet"):
        if files := tuple(p for p in inside if p.suffix == f".{kind}"):
            return kind, files, None
    mapping = folder / "ivf_old_to_new_mapping.npy"
    if os.path.lexists(folder / "metadata.hdf5"):
        return "hdf5", (folder / "metadata.hdf5",), None
    if os.path.lexists(folder / "metadata_reordered.hdf5") and os.path.lexists(mapping):
        return "hdf5", (folder / "metadata_reordered.hdf5",), mapping
    raise ExplorerError("collections.layout_index_no_metadata", folder=shortened(folder))


def _parts(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.npy"))) if folder.is_dir() else ()
