"""Finds a model's files and says what kind of model they are, without loading a weight (no torch here).

Safetensors only: a pickle can run any code when it is opened, so it is refused and never read. Pipelines
that bring their own Python files are refused too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from explorer.diffusion.classes import Index, check_complete, files_read, read_index
from explorer.diffusion.declared import is_refiner, prediction_told
from explorer.diffusion.network_files import CLASSES, holds_other_parts, network_family, table_of
from explorer.errors import ExplorerError, shortened
from explorer.folders import typed_path
from explorer.foreign.configs import check_config, check_no_code, check_weight_index
from explorer.foreign.reading import TensorTable, read_json
from explorer.records.families import facts
from explorer.settings import BUNDLED
from explorer.texts import say

PICKLES = {".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle"}
MOST_LETTERS = 200  # of a hub id
WITH = " & "  # between a file and what completes it
MODEL_FILES = (".safetensors", ".gguf")
PREDICTIONS = ("epsilon", "v_prediction")
HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+(@[\w./-]+)?$")
CONFIGS = ("config.json", "_config.json")
TABLES = (".safetensors.index.json", ".safetensors.index.fp16.json")  # which file of a split part holds what


@dataclass(frozen=True)
class Located:
    """A model's files on this computer. `files` are those that loading reads, relative to `root`."""

    source: str
    kind: str  # "folder" | "file" | "network": a file with a network alone, and a folder with the other parts
    root: Path  # the folder, or the single file's folder
    files: tuple[str, ...]
    family: str  # as the catalogue of families has it
    pipeline: str  # diffusers class name; "" for a single file
    variant: str = ""  # "fp16" where only that variant is there
    name: str = ""
    index: Index | None = None  # what its model_index.json names; None for a single file
    network: Path | None = None  # the file with the network, where it is not the folder's own
    predicts: str = ""  # what the person says that the network predicts, where the file says nothing

    @property
    def single_file(self) -> Path:
        return self.root / self.files[0]

    @property
    def paths(self) -> dict[str, Path]:
        """Every file that is part of the fingerprint, by the name that it has there."""
        own = {name: self.root / name for name in self.files}
        return own if self.network is None else own | {f"network/{self.network.name}": self.network}

    @property
    def role(self) -> str:
        """The part that predicts, as the index names it."""
        return "unet" if self.index is None or "unet" in self.index.parts else "transformer"


def locate(source: str, *, home: Path | None = None) -> Located:
    """The files behind a bundled model ("world", "hands"), a folder, a file, or a hub id "owner/name[@revision]".

    "FILE & MODEL" is a file that holds a network alone (.safetensors or .gguf) with the other parts of a model;
    "FILE & epsilon" and "FILE & v_prediction" say what a Stable Diffusion 2 file predicts that does not say it.
    `home` is the workspace, whose `models/` holds downloads. Raises ExplorerError for what is not
    there, for pickles, for pipelines with code of their own and for kinds that this cannot run.
    """
    first, _, rest = (part.strip() for part in source.rpartition(WITH))
    if first and rest in PREDICTIONS:
        return _told(source, typed_path(first), rest)
    if first and rest and not typed_path(source).exists():  # a folder's own name may hold the sign
        return _with_parts(source, typed_path(first), locate(rest, home=home))
    if source in BUNDLED:
        folder = BUNDLED[source]
        if not (folder / "model_index.json").is_file():
            raise ExplorerError("diffusion.locate_bundled_world_model")
        return _folder(source, folder)
    path = typed_path(source)
    if path.is_dir():
        return _folder(source, path.resolve())
    if path.is_file():
        return _file(source, path.resolve())
    if HUB_ID.match(source) and len(source) <= MOST_LETTERS and not path.is_absolute() and source[0] != ".":
        return _folder(source, _downloaded(source, home))
    raise ExplorerError("diffusion.locate_no_model", source=shortened(source))


def needs(path: Path) -> str:
    """What a person must say of a model's file before it can be used: "parts", "prediction", or "" for nothing."""
    try:
        locate(str(path))
    except ExplorerError as error:
        return {"model_files.network_alone": "parts", "model_files.network_and_parts": "parts",
                "model_files.predicts_what": "prediction"}.get(error.key, "")
    return ""


def weight_files(folder: Path, kinds: tuple[str, ...] = (".safetensors",)) -> list[str]:
    """Names of the files of these kinds right below a folder, sorted; hidden ones and links left out."""
    try:
        return sorted((p.name for p in folder.iterdir() if p.suffix in kinds
                       and not p.name.startswith(".") and not p.is_symlink() and p.is_file()),
                      key=str.casefold)
    except OSError as error:
        raise ExplorerError("diffusion.locate_folder_cannot_read", folder=folder,
                            strerror=error.strerror) from error


def hub_folder(source: str, home: Path) -> Path:
    """Where a hub id's files are kept in the workspace `home`."""
    return home / "models" / source.replace("/", "--")


def _downloaded(source: str, home: Path | None) -> Path:
    if home:
        exact = hub_folder(source, home)
        revisions = [exact] if "@" in source else sorted(exact.parent.glob(exact.name + "@*"))
        there = [f for f in (exact, *revisions) if (f / "model_index.json").is_file()]
        if len(set(there)) > 1:
            names = ", ".join(f.name.partition("@")[2][:12] for f in there)
            raise ExplorerError("diffusion.locate_several_revisions_here", source=source, names=names)
        if there:
            return there[0]
    try:
        from huggingface_hub import snapshot_download
        name, _, revision = source.partition("@")
        return Path(snapshot_download(name, revision=revision or None, local_files_only=True))
    except Exception as error:  # any failure of the hub's cache means: not here
        raise ExplorerError("diffusion.locate_not_computer_nothing", source=shortened(source)) from error


def _folder(source: str, root: Path) -> Located:
    index_path = root / "model_index.json"
    if not index_path.is_file():
        raise ExplorerError("diffusion.locate_folder_no_model", root=root)
    index = _without_pickled_extras(read_index(read_json(index_path), str(root)), root)
    check_no_code(root)
    _check_kind(index, root)
    try:
        return _located(source, root, index)
    except OSError as error:
        raise ExplorerError("diffusion.locate_folder_unreadable", root=root,
                            why=error.strerror or type(error).__name__) from error


def _located(source: str, root: Path, index: Index) -> Located:
    files, variant = _component_files(root, sorted(index.parts))
    check_complete(index, str(root))
    check_configs(root, index, files)
    name = say(f"note.diffusion.bundled_{source}_model") if source in BUNDLED else root.name
    return Located(source, "folder", root, ("model_index.json", *files), _family(root, index), index.pipeline,
                   variant, name, index)


def _without_pickled_extras(index: Index, root: Path) -> Index:
    """The index less the parts that may be left out and are here as pickles only: a safety checker, mostly."""
    pickled = {role for role in index.kind.optional & set(index.parts)
               if _with_suffix(root / role, PICKLES) and not _with_suffix(root / role, {".safetensors"})}
    parts = {role: value for role, value in index.parts.items() if role not in pickled}
    return replace(index, parts=parts, left_out=tuple(sorted({*index.left_out, *pickled}))) if pickled else index


def _with_suffix(folder: Path, suffixes: set[str]) -> list[Path]:
    inside = folder.glob("*") if folder.is_dir() else ()
    return sorted(p for p in inside if p.is_file() and p.suffix.lower() in suffixes)


def _check_kind(index: Index, root: Path) -> None:
    """ExplorerError for kinds that look like a text-to-image model and are none, or sample in another way."""
    if index.kind.family == "sdxl" and "text_encoder" not in index.parts and "text_encoder_2" in index.parts:
        raise ExplorerError("diffusion.locate_refiner", name=root.name)
    if index.parts.get("scheduler", ("", ""))[1].startswith("EDM"):
        raise ExplorerError("diffusion.declared_edm", name=root.name)


def _component_files(root: Path, components: list[str]) -> tuple[list[str], str]:
    """Config, vocabulary and weight files of every component, and the one variant that they share."""
    weights: dict[str, list[Path]] = {}
    others: list[Path] = []
    for name in components:
        inside = [p for p in sorted((root / name).glob("*")) if p.is_file()] if (root / name).is_dir() else []
        tensors = [p for p in inside if p.suffix == ".safetensors"]
        pickles = [p for p in inside if p.suffix.lower() in PICKLES]
        if pickles and not tensors:
            raise pickle_error(pickles[0])
        if tensors:
            weights[name] = tensors
        others += [p for p in inside if p.suffix in (".json", ".txt", ".model") or p.name == "chat_template.jinja"]
    if not weights:
        raise ExplorerError("diffusion.locate_model_no_weights", root=root)
    plain = {n: [p for p in ps if ".fp16." not in p.name] for n, ps in weights.items()}
    variant = "" if all(plain.values()) else "fp16"
    chosen = [p for n, ps in weights.items()
              for p in (plain[n] if not variant else [q for q in ps if ".fp16." in q.name] or ps)]
    return [p.relative_to(root).as_posix() for p in sorted(others + chosen)], variant


def check_configs(root: Path, index: Index, files: list[str]) -> None:
    """ExplorerError for a config that asks for code, other files or other models."""
    for name in files_to_open(index, files):
        if name.endswith(TABLES):
            beside = {f.rpartition("/")[2] for f in files if f.partition("/")[0] == name.partition("/")[0]}
            check_weight_index(read_json(root / name), beside, root / name)
        elif name.endswith((*CONFIGS, "_map.json", "_tokens.json")):
            check_config(read_json(root / name), root / name)


def files_to_open(index: Index, files: list[str] | tuple[str, ...]) -> list[str]:
    """Those of a model's files that its classes may find when they load, relative to its folder."""
    found = []
    for name in files:
        role, _, file = name.partition("/")
        if role not in index.parts:
            continue
        if file.endswith((".safetensors", *TABLES)) or file in files_read(index.parts[role][1]):
            found.append(name)
    return found


def _family(root: Path, index: Index) -> str:
    if index.kind.family == "sd":
        return "sd2" if read_json(root / "unet" / "config.json").get("cross_attention_dim") == 1024 else "sd1"
    if index.kind.family == "flux":
        return "flux" if read_json(root / "transformer" / "config.json").get("guidance_embeds") else "schnell"
    return index.kind.family


def _file(source: str, path: Path) -> Located:
    table = _table(path)
    family = _checkpoint_family(set(table.tensors), path)
    if not family:
        network = network_family(table, path)
        if network:
            kind = "network_and_parts" if holds_other_parts(table.tensors) else "network_alone"
            raise ExplorerError(f"model_files.{kind}", name=path.name, family=facts(network).label)
        raise ExplorerError("diffusion.locate_not_whole_stable", path_name=path.name)
    if family == "sd2" and not prediction_told(table, path)[0]:
        raise ExplorerError("model_files.predicts_what", name=path.name)
    return Located(source, "file", path.parent, (path.name,), family, "", "", path.stem)


def _table(path: Path) -> TensorTable:
    """The table of a model's file; ExplorerError for a pickle, and for a file of another kind."""
    if path.suffix.lower() in PICKLES:
        raise pickle_error(path)
    if path.suffix.lower() not in MODEL_FILES:
        raise ExplorerError("diffusion.locate_no_model_file", path_name=path.name)
    if not path.is_file():
        raise ExplorerError("diffusion.locate_no_model", source=shortened(path))
    return table_of(path)


def _told(source: str, path: Path, predicts: str) -> Located:
    """A whole Stable Diffusion 2 file of which the person says what it predicts."""
    path = path.resolve()
    table = _table(path)
    if _checkpoint_family(set(table.tensors), path) != "sd2" or prediction_told(table, path)[0]:
        raise ExplorerError("model_files.says_itself", name=path.name)
    return Located(source, "file", path.parent, (path.name,), "sd2", "", "", path.stem, predicts=predicts)


def _with_parts(source: str, path: Path, other: Located) -> Located:
    """A file's network with the other parts of a model; ExplorerError where the two are of different kinds."""
    path = path.resolve()
    family = network_family(_table(path), path)
    if not family:
        raise ExplorerError("model_files.no_network", name=path.name)
    role, index = other.role, other.index
    if index is None or other.network is not None:
        raise ExplorerError("model_files.parts_of_folder", name=path.name)
    if index.parts[role][1] != CLASSES[family] or (role == "unet" and other.family != family):
        raise ExplorerError("model_files.other_kind", name=path.name, family=facts(family).label,
                            other=other.name, other_family=facts(other.family).label)
    kept = tuple(f for f in other.files if not (f.startswith(f"{role}/") and f.endswith((".safetensors", *TABLES))))
    told = family if family in ("flux", "schnell") else other.family
    return replace(other, source=source, kind="network", files=kept, family=told, name=path.stem, network=path)


def _checkpoint_family(keys: set[str], path: Path) -> str:
    if is_refiner(keys):
        raise ExplorerError("diffusion.locate_refiner", name=path.name)

    def has(prefix: str) -> bool:
        return any(k.startswith(prefix) for k in keys)
    if has("conditioner.embedders.1."):
        return "sdxl"
    if has("cond_stage_model.model."):
        return "sd2"
    if has("cond_stage_model.transformer."):
        return "sd1"
    return ""


def pickle_error(path: Path) -> ExplorerError:
    return ExplorerError("diffusion.locate_python_pickle_run", path_name=path.name)
