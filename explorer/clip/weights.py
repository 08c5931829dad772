"""Where a CLIP's weights and config are, and which CLIP it is; reads files, loads no model.

A CLIP is named by
- "world": the bundled one;
- a folder with `open_clip_config.json` and `open_clip_model.safetensors`;
- "open_clip:<model>/<pretrained tag, or path of a .safetensors checkpoint>", such as "open_clip:ViT-L-14/openai";
- "hf-hub:<owner>/<name>": such a folder on the hub;
- clip-retrieval's short names of OpenAI's models, for example "ViT-B/32".
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from explorer.clip.hub import hub_file
from explorer.clip.text_files import text_files
from explorer.clip.weights_files import CONFIG, WEIGHTS
from explorer.errors import ExplorerError, shortened
from explorer.folders import typed_path
from explorer.foreign.configs import check_no_code, check_numbers
from explorer.foreign.reading import read_json
from explorer.settings import WORLD
from explorer.texts import say


@dataclass(frozen=True)
class ClipFiles:
    """All that makes one CLIP: configs as plain JSON values and the file of its weights."""

    name: str
    model_cfg: dict[str, Any]
    preprocess_cfg: dict[str, Any]
    weights: Path
    tokenizer_hint: str = ""  # the model's name: SigLIP's models need a tokenizer of their own
    text_files: dict[str, Path] = field(default_factory=dict)  # what else is read, see explorer.clip.text_files

    @cached_property
    def images_fingerprint(self) -> str:
        """SHA-256 over the weights' bytes and both configs; equal for equal files, wherever they are."""
        return clip_fingerprint(self.weights, {"model_cfg": self.model_cfg, "preprocess_cfg": self.preprocess_cfg})

    @property
    def fingerprint(self) -> str:
        """`images_fingerprint`, and the files of a tokenizer or text tower that is not CLIP's own."""
        if not self.text_files:
            return self.images_fingerprint
        lines = [f"{_sha256(path)}  {place}" for place, path in sorted(self.text_files.items())]
        return hashlib.sha256("\n".join((self.images_fingerprint, *lines)).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def clip_fingerprint(weights: Path, config: dict[str, Any]) -> str:
    """SHA-256 (hex) of the SHA-256 of the weights file, a newline, and the config as sorted compact JSON."""
    inner = _sha256(weights)
    kept = {"model_cfg": config["model_cfg"], "preprocess_cfg": config.get("preprocess_cfg") or {}}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{inner}\n{canonical}".encode()).hexdigest()


def find_clip(spec: str, *, offline: bool = True) -> ClipFiles:
    """The files of the CLIP that `spec` names (see the module's first lines for the spellings).

    With `offline` nothing is fetched: weights must be here already. Raises ExplorerError when the name
    is unknown, files are missing or damaged, or weights would have to be fetched.
    """
    spec = spec.strip()
    if spec == "world":
        return _from_folder(WORLD / "clip", name="world", offline=offline)
    if spec.startswith("hf-hub:"):
        return _from_hub(spec.removeprefix("hf-hub:"), offline=offline)
    if spec.startswith("open_clip:"):
        return _from_open_clip(spec.removeprefix("open_clip:"), offline=offline)
    if re.fullmatch(r"(ViT-[BL]/\d+(@336px)?|RN\d+(x\d+)?)", spec):
        model = spec.replace("/", "-").replace("@336px", "-336")
        return _from_open_clip(f"{model}/openai", offline=offline)
    folder = typed_path(spec)
    if folder.is_dir():
        return _from_folder(folder, name=folder.name, offline=offline)
    if folder.is_file():
        raise ExplorerError("clip.weights_file_checkpoint_needs", spec=shortened(spec))
    raise ExplorerError("clip.weights_no_clip_called", spec=shortened(spec), spellings=say("note.clip.spellings"))


def _from_folder(folder: Path, *, name: str, offline: bool) -> ClipFiles:
    config_path = folder / CONFIG
    if not config_path.is_file():
        raise ExplorerError("clip.weights_not_open_clip", folder=folder, config=CONFIG, first_weights=WEIGHTS)
    check_no_code(folder)
    if not (folder / WEIGHTS).is_file():
        raise ExplorerError("clip.weights_holds_no_2", folder=folder, weights=WEIGHTS)
    return _described(config_path, folder / WEIGHTS, name, offline=offline)


def _described(config_path: Path, weights: Path, name: str, *, offline: bool) -> ClipFiles:
    config = read_json(config_path)
    model_cfg, preprocess_cfg = config.get("model_cfg"), config.get("preprocess_cfg") or {}
    if not isinstance(model_cfg, dict) or not isinstance(preprocess_cfg, dict) or not all(
            isinstance(model_cfg.get(k), dict) for k in ("vision_cfg", "text_cfg")):
        raise ExplorerError("clip.weights_not_open_clip_config_2", config_path=config_path)
    check_numbers(config, config_path)
    beside = text_files(model_cfg["text_cfg"], weights.parent, offline=offline)
    return ClipFiles(name, model_cfg, preprocess_cfg, weights, name, beside)


def _from_hub(repo: str, *, offline: bool) -> ClipFiles:
    config = hub_file(repo, (CONFIG,), offline=offline)
    return _described(config, hub_file(repo, (WEIGHTS,), offline=offline), f"hf-hub:{repo}", offline=offline)


def _from_open_clip(name: str, *, offline: bool) -> ClipFiles:
    """A model of open_clip's own list with a tag of its own list or a checkpoint file."""
    import open_clip
    model, _, pretrained = name.partition("/")
    if model.lower() in ("vit-b", "vit-l", "vit-h", "vit-g") and "/" in pretrained:  # old spelling ViT-B/32
        size, _, pretrained = pretrained.partition("/")
        model = f"{model}-{size}"
    model_cfg = open_clip.get_model_config(model)
    if model_cfg is None:
        near = [m for m in open_clip.list_models() if m.lower().startswith(model.lower()[:5])][:6]
        raise ExplorerError("clip.weights_open_clip_knows", model=shortened(model), near=", ".join(near) or "none",
                            config=CONFIG)
    tag_cfg = open_clip.get_pretrained_cfg(model, pretrained) if pretrained else {}
    path = typed_path(pretrained)
    if tag_cfg:
        weights = _tagged_weights(model, pretrained, tag_cfg, offline=offline)
    elif pretrained and path.is_file():
        weights = _no_pickle(path)
    else:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)[:12]) or "none"
        raise ExplorerError("clip.weights_no", model=model, pretrained=shortened(pretrained), tags=tags)
    if tag_cfg.get("quick_gelu"):  # these weights were trained with QuickGELU, whatever the config says
        model_cfg["quick_gelu"] = True
    kept = ("mean", "std", "interpolation", "resize_mode", "fill_color", "size", "mode")
    preprocess = {k: list(v) if isinstance(v, tuple) else v for k, v in tag_cfg.items()
                  if k in kept and v is not None}
    beside = text_files(model_cfg["text_cfg"], None, offline=offline)
    return ClipFiles(f"open_clip:{model}/{pretrained}", model_cfg, preprocess, weights, model, beside)


def _tagged_weights(model: str, tag: str, tag_cfg: dict[str, Any], *, offline: bool) -> Path:
    if tag_cfg.get("file"):
        return _no_pickle(Path(tag_cfg["file"]))
    repo, _, file = tag_cfg.get("hf_hub", "").rpartition("/")
    if not repo:
        raise ExplorerError("clip.weights_exist_only_python", tag=tag, model=model, weights=WEIGHTS)
    return hub_file(repo, (re.sub(r"\.(bin|pth?)$", ".safetensors", file) if file else WEIGHTS,), offline=offline)


def _no_pickle(path: Path) -> Path:
    if path.suffix != ".safetensors":
        raise ExplorerError("clip.weights_no_safetensors_file", path_name=path.name)
    return path
