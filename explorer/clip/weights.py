"""Where a CLIP's weights and config are, and which CLIP it is; reads files, loads no model.

A CLIP is named by
- "world": the bundled one;
- a folder with `open_clip_config.json` and `open_clip_model.safetensors` (or `open_clip_pytorch_model.bin`);
- "open_clip:<model>/<pretrained tag or path of a checkpoint>", for example "open_clip:ViT-L-14/openai";
- "hf-hub:<owner>/<name>": such a folder on the hub;
- clip-retrieval's short names of OpenAI's models, for example "ViT-B/32".
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explorer.errors import ExplorerError
from explorer.settings import WORLD
from explorer.texts import say

CONFIG = "open_clip_config.json"
WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


@dataclass(frozen=True)
class ClipFiles:
    """All that makes one CLIP: configs as plain JSON values and the file of its weights."""

    name: str
    model_cfg: dict[str, Any]
    preprocess_cfg: dict[str, Any]
    weights: Path
    tokenizer_hint: str = ""  # the model's name, from which open_clip chooses SigLIP's tokenizers

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the weights' bytes and both configs; equal for equal files, wherever they are."""
        return clip_fingerprint(self.weights, {"model_cfg": self.model_cfg,
                                               "preprocess_cfg": self.preprocess_cfg})


def clip_fingerprint(weights: Path, config: dict[str, Any]) -> str:
    """SHA-256 (hex) of the SHA-256 of the weights file, a newline, and the config as sorted compact JSON."""
    with open(weights, "rb") as stream:
        inner = hashlib.file_digest(stream, "sha256").hexdigest()
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
        return _from_folder(WORLD / "clip", name="world")
    if spec.startswith("hf-hub:"):
        return _from_hub(spec.removeprefix("hf-hub:"), offline=offline)
    if spec.startswith("open_clip:"):
        return _from_open_clip(spec.removeprefix("open_clip:"), offline=offline)
    if re.fullmatch(r"(ViT-[BL]/\d+(@336px)?|RN\d+(x\d+)?)", spec):
        model = spec.replace("/", "-").replace("@336px", "-336")
        return _from_open_clip(f"{model}/openai", offline=offline)
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return _from_folder(folder, name=folder.name)
    if folder.is_file():
        raise ExplorerError("clip.weights_file_checkpoint_needs", spec=spec)
    raise ExplorerError("clip.weights_no_clip_called", spec=spec, spellings=say("note.clip.spellings"))


def _from_folder(folder: Path, *, name: str) -> ClipFiles:
    config_path = folder / CONFIG
    if not config_path.is_file():
        raise ExplorerError("clip.weights_not_open_clip", folder=folder, config=CONFIG, first_weights=WEIGHTS[0])
    weights = next((folder / w for w in WEIGHTS if (folder / w).is_file()), None)
    if weights is None:
        raise ExplorerError("clip.weights_holds_no", folder=folder, first_weights=WEIGHTS[0],
                            last_weights=WEIGHTS[1])
    return _described(config_path, weights, name)


def _described(config_path: Path, weights: Path, name: str) -> ClipFiles:
    try:
        config = json.loads(config_path.read_text("utf-8"))
        model_cfg = dict(config["model_cfg"])
        if not all(isinstance(model_cfg[k], dict) for k in ("vision_cfg", "text_cfg")):
            raise TypeError("vision_cfg and text_cfg must be objects")
        return ClipFiles(name, model_cfg, dict(config.get("preprocess_cfg") or {}), weights, name)
    except (ValueError, KeyError, TypeError) as error:
        raise ExplorerError("clip.weights_not_open_clip_config", config_path=config_path,
                            error=repr(error)) from error


def _from_hub(repo: str, *, offline: bool) -> ClipFiles:
    config = hub_file(repo, (CONFIG,), offline=offline)
    weights = hub_file(repo, WEIGHTS, offline=offline)
    return _described(config, weights, f"hf-hub:{repo}")


def hub_file(repo: str, names: tuple[str, ...], *, offline: bool) -> Path:
    """The first of `names` that the hub's cache (or, unless `offline`, the hub) has; else ExplorerError."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError
    last: Exception | None = None
    for name in names:
        try:
            return Path(hf_hub_download(repo, name, local_files_only=offline))
        except HFValidationError as error:
            raise ExplorerError("clip.weights_not_hub_name", repo=repo) from error
        except Exception as error:  # the hub's client raises many kinds; each means "not here"
            last = error
    if offline:
        raise ExplorerError("clip.weights_not_computer_explorer", repo=repo, names=" or ".join(names)) from last
    raise ExplorerError("clip.weights_not_fetched_hub", repo=repo, last_kind=type(last).__name__,
                        last=last) from last


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
        raise ExplorerError("clip.weights_open_clip_knows", model=model, near=", ".join(near) or "none",
                            config=CONFIG)
    tag_cfg = open_clip.get_pretrained_cfg(model, pretrained) if pretrained else {}
    path = Path(pretrained).expanduser()
    if tag_cfg:
        weights = _tagged_weights(model, pretrained, tag_cfg, offline=offline)
    elif pretrained and path.is_file():
        weights = path
    else:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)[:12]) or "none"
        raise ExplorerError("clip.weights_no", model=model, pretrained=pretrained, tags=tags)
    if tag_cfg.get("quick_gelu"):  # these weights were trained with QuickGELU, whatever the config says
        model_cfg["quick_gelu"] = True
    kept = ("mean", "std", "interpolation", "resize_mode", "fill_color", "size", "mode")
    preprocess = {k: list(v) if isinstance(v, tuple) else v for k, v in tag_cfg.items()
                  if k in kept and v is not None}
    return ClipFiles(f"open_clip:{model}/{pretrained}", model_cfg, preprocess, weights, model)


def _tagged_weights(model: str, tag: str, tag_cfg: dict[str, Any], *, offline: bool) -> Path:
    hub = tag_cfg.get("hf_hub", "")
    if tag_cfg.get("file"):
        return Path(tag_cfg["file"])
    if hub:
        repo, _, file = hub.rpartition("/")
        names = WEIGHTS if not file else (re.sub(r"\.(bin|pth)$", ".safetensors", file), file)
        return hub_file(repo, names, offline=offline)
    cached = Path("~/.cache/clip").expanduser() / Path(tag_cfg["url"]).name
    if cached.is_file():
        return cached
    if offline:
        raise ExplorerError("clip.weights_not_computer_explorer_works", tag=tag, model=model)
    from open_clip.pretrained import download_pretrained_from_url
    try:
        return Path(download_pretrained_from_url(tag_cfg["url"]))
    except Exception as error:
        raise ExplorerError("clip.weights_not_fetched", tag=tag, model=model, error=error) from error
