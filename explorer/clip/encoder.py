"""One CLIP: images and texts to unit vectors; the only place that builds an open_clip model."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.factory import load_checkpoint
from open_clip.model import set_model_preprocess_cfg
from open_clip.tokenizer import SimpleTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from PIL import Image

from explorer.clip.text_files import TOKENIZER, TOWER
from explorer.clip.tower import CausalTower
from explorer.clip.weights import ClipFiles, find_clip
from explorer.errors import ExplorerError
from explorer.foreign.loading_errors import opening
from explorer.foreign.private import private_folder
from explorer.foreign.sizes import check_size
from explorer.texts import say

TIMM = re.compile(r"[\w.]*")  # timm's own names; any other spelling leads elsewhere
IMAGE_BATCH = 64
TEXT_BATCH = 256
# A folder's config may set these and no others: "trust_remote_code" would run what lies beside the weights.
TOKENIZER_OPTIONS = ("clean", "strip_sep_token", "language", "reduction_mask", "additional_special_tokens")


@dataclass
class Encoder:
    """A loaded CLIP. `tower` is its text tower with the prefix cache, None where that does not fit."""

    name: str
    fingerprint: str
    dim: int
    size_px: int
    context_length: int
    device: str
    model: Any = field(repr=False)
    tokenizer: Any = field(repr=False)
    preprocess: Any = field(repr=False)
    tower: CausalTower | None = field(repr=False, default=None)
    tower_note: str = ""  # why `tower` is None
    images_fingerprint: str = ""  # what the CLIP's files were before its tokenizer's counted

    def encode_images(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """(h, w, 3) uint8 RGB images to (n, d) float32, L2-normalised; cosines lie in [-1, 1].

        Resizing, cropping and normalisation are open_clip's own for this model.
        """
        out = np.empty((len(images), self.dim), np.float32)
        for at in range(0, len(images), IMAGE_BATCH):
            part = images[at:at + IMAGE_BATCH]
            batch = torch.stack([self.preprocess(Image.fromarray(_checked(rgb))) for rgb in part])
            with torch.inference_mode():
                features = self.model.encode_image(batch.to(self.device), normalize=True)
            out[at:at + len(part)] = features.float().cpu().numpy()
        return out

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Texts to (n, d) float32, L2-normalised. What does not fit the context is cut off, as in CLIP."""
        if self.tower is not None:
            return self.tower.encode([self.token_ids(t)[:self.max_tokens] for t in texts])
        out = np.empty((len(texts), self.dim), np.float32)
        for at in range(0, len(texts), TEXT_BATCH):
            ids = torch.from_numpy(self.tokenize(texts[at:at + TEXT_BATCH])).to(self.device)
            with torch.inference_mode():
                out[at:at + len(ids)] = self.model.encode_text(ids, normalize=True).float().cpu().numpy()
        return out

    def tokenize(self, texts: Sequence[str]) -> np.ndarray:
        """Token ids as the model reads them: (n, context length) int64, padded, too long ones cut."""
        return self.tokenizer(list(texts)).numpy() if texts else np.empty((0, self.context_length), np.int64)

    def token_ids(self, text: str) -> list[int]:
        """The text's own token ids, without start, end and padding; not cut where the tokenizer allows."""
        if isinstance(self.tokenizer, SimpleTokenizer):
            ids = self.tokenizer.encode(text)  # a text that spells out the end token ends there, as in CLIP
            return ids[:ids.index(self.tokenizer.eot_token_id)] if self.tokenizer.eot_token_id in ids else ids
        inner = getattr(self.tokenizer, "tokenizer", None)
        if inner is not None and callable(inner):
            return list(inner(self.tokenizer.clean_fn(text), add_special_tokens=False)["input_ids"])
        return [int(i) for i in self.tokenizer([text])[0] if int(i) != 0]

    @property
    def max_tokens(self) -> int:
        """How many tokens of its own a text may have (the start and end tokens take two)."""
        return self.context_length - 2


def load_encoder(spec: str, *, device: str = "cpu", offline: bool = True) -> Encoder:
    """The CLIP named by `spec` (see explorer.clip.weights), in float32 on `device`, ready to encode.

    Only safetensors. With `offline` nothing is fetched. Raises ExplorerError when the name, the files or the
    fit of weights and config are wrong.
    """
    files = find_clip(spec, offline=offline)
    with opening(f"The CLIP {files.name}", then=say("note.clip.files_belong_together")):
        return _load(files, device)


def _load(files: ClipFiles, device: str) -> Encoder:
    with _only(files, TOWER) as folder:
        model = _build(files, folder)
    _fill(model, files)
    model = model.to(device).eval().requires_grad_(False)
    size = model.visual.image_size
    size_px = int(size if isinstance(size, int) else size[0])
    _, preprocess = None, image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    tokenizer = _tokenizer(files, int(model.context_length))
    tower, note = _tower(model, tokenizer)
    with torch.inference_mode():
        dim = model.encode_image(torch.zeros(1, 3, size_px, size_px, device=device)).shape[-1]
    return Encoder(files.name, files.fingerprint, int(dim), size_px, int(model.context_length), str(device),
                   model, tokenizer, preprocess, tower, note, files.images_fingerprint)


def _checked(rgb: np.ndarray) -> np.ndarray:
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
        raise ValueError(f"images must be (h, w, 3) uint8, not {rgb.shape} {rgb.dtype}")
    return np.ascontiguousarray(rgb)


def _only(files: ClipFiles, place: str) -> AbstractContextManager[Path]:
    """A private folder with those of the CLIP's text files that belong to `place`."""
    return private_folder({n.removeprefix(place): p for n, p in files.text_files.items() if n.startswith(place)})


def _build(files: ClipFiles, tower: Path) -> torch.nn.Module:
    """The model with random weights, as open_clip's factory builds it; `tower` holds a text tower's own config."""
    config = copy.deepcopy(files.model_cfg)
    text = config["text_cfg"]
    custom = config.pop("custom_text", False) or "hf_model_name" in text
    if text.get("hf_model_name"):
        text["hf_model_pretrained"] = False
        text["hf_model_name"] = str(tower)
    config["vision_cfg"].pop("timm_model_pretrained", None)
    if not TIMM.fullmatch(str(config["vision_cfg"].get("timm_model_name") or "")):
        raise ExplorerError("clip.encoder_config_takes_image", files_name=files.name,
                            timm_model_name=config["vision_cfg"]["timm_model_name"])
    kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    kind = open_clip.CoCa if "multimodal_cfg" in config else kind
    with opening(say("note.clip.the_clip", name=files.name), then=say("note.clip.check_open_clip")):
        check_size(lambda: kind(**copy.deepcopy(config)), [files.weights], files.name)
        model = kind(**config)
    merged = merge_preprocess_dict(dataclasses.asdict(PreprocessCfg()), files.preprocess_cfg)
    if getattr(model.visual, "image_size", None) is not None:
        merged["size"] = model.visual.image_size
    set_model_preprocess_cfg(model, merged)
    return model


def _fill(model: torch.nn.Module, files: ClipFiles) -> None:
    with opening(say("note.clip.the_weights", name=files.weights),
                 then=say("note.clip.they_safetensors_belong", files_name=files.name)):
        load_checkpoint(model, str(files.weights), weights_only=True)


def _tokenizer(files: ClipFiles, context: int) -> Any:
    text = files.model_cfg["text_cfg"]
    options = {k: v for k, v in (text.get("tokenizer_kwargs") or {}).items() if k in TOKENIZER_OPTIONS}
    with opening(say("note.clip.tokenizer", files_name=files.name), then=say("note.clip.put_files_beside")):
        if text.get("hf_tokenizer_name"):
            with _only(files, TOKENIZER) as folder:
                return open_clip.tokenizer.HFTokenizer(str(folder), context_length=context, **options)
        if "siglip" in files.tokenizer_hint.lower():
            raise ExplorerError("clip.encoder_needs_siglip_tokenizer_config", files_name=files.name)
        return SimpleTokenizer(context_length=context, **options)


def _tower(model: Any, tokenizer: Any) -> tuple[CausalTower | None, str]:
    """The prefix-cached tower if it fits; a CLIP whose tokenizer does not fit its tower is refused."""
    vocabulary = getattr(model, "vocab_size", None)
    if not isinstance(tokenizer, SimpleTokenizer):
        return None, say("note.clip.tokenizer_not_clip")
    if isinstance(vocabulary, int) and tokenizer.vocab_size > vocabulary:
        raise ExplorerError("clip.encoder_clip_text_tower", vocabulary=vocabulary, vocab_size=tokenizer.vocab_size)
    if tokenizer.reduction_fn is not None:
        return None, say("note.clip.tokenizer_shortens_texts")
    if tokenizer.eot_token_id != max(tokenizer.all_special_ids):
        return None, say("note.clip.end_text_token")
    try:
        return CausalTower(model, start_id=tokenizer.sot_token_id, end_id=tokenizer.eot_token_id), ""
    except ExplorerError as error:
        return None, str(error)
