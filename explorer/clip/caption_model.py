"""A caption model (BLIP, Li et al. 2022, arXiv:2201.12086) where its weights are at hand; otherwise none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer.clip.hub import hub_file
from explorer.errors import ExplorerError, shortened
from explorer.folders import typed_path
from explorer.foreign.configs import NETWORK_FILES, PROCESSOR_FILES, TOKENIZER_FILES, check_config, check_no_code
from explorer.foreign.loading_errors import opening
from explorer.foreign.private import private_folder
from explorer.foreign.reading import read_json
from explorer.foreign.sizes import check_size
from explorer.texts import say

KNOWN = ("Salesforce/blip-image-captioning-large", "Salesforce/blip-image-captioning-base")
MAX_NEW_TOKENS = 32


@dataclass
class Captioner:
    """A loaded caption model. `caption` is greedy, so the same image gives the same words."""

    name: str
    model: Any = field(repr=False)
    processor: Any = field(repr=False)
    device: str = "cpu"

    def caption(self, image_rgb: np.ndarray) -> str:
        """One sentence for an (h, w, 3) uint8 image; "" if the model says nothing."""
        inputs = self.processor(images=Image.fromarray(image_rgb), return_tensors="pt").to(self.device)
        with torch.inference_mode():
            ids = self.model.generate(**inputs, max_new_tokens=MAX_NEW_TOKENS, num_beams=1, do_sample=False)
        return self.processor.batch_decode(ids, skip_special_tokens=True)[0].strip()


def find_captioner(sources: tuple[str, ...] = KNOWN, *, device: str = "cpu",
                   offline: bool = True) -> Captioner | None:
    """The first of `sources` (folders or hub names) with weights at hand, else None: nothing is made up."""
    for source in sources:
        try:
            return load_captioner(source, device=device, offline=offline)
        except ExplorerError:
            continue
    return None


def load_captioner(source: str, *, device: str = "cpu", offline: bool = True) -> Captioner:
    """BLIP from a folder or a hub name, safetensors only; ExplorerError if it is not at hand or not BLIP."""
    folder = typed_path(source)
    if not folder.is_dir():
        if folder.is_absolute() or source.count("/") != 1:
            raise ExplorerError("clip.caption_model_no", source=shortened(source))
        folder = hub_file(source, ("model.safetensors",), offline=offline).parent
        for name in ("config.json", "preprocessor_config.json", "tokenizer_config.json", "vocab.txt"):
            hub_file(source, (name,), offline=offline)
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )
    config = read_json(folder / "config.json")
    needs = say("note.clip.blip_model_needs")
    with private_folder(_files(folder)) as private, opening(source, then=needs):
        config = BlipConfig.from_dict(config)
        check_size(lambda: BlipForConditionalGeneration(config), [private / "model.safetensors"], source)
        model = BlipForConditionalGeneration.from_pretrained(private, local_files_only=True, use_safetensors=True)
        processor = BlipProcessor(BlipImageProcessor.from_pretrained(private, local_files_only=True),
                                  BertTokenizerFast.from_pretrained(private, local_files_only=True))
    return Captioner(source, model.to(device).eval(), processor, device)


def _files(folder: Path) -> dict[str, Path | bytes]:
    """What BLIP reads from its folder; ExplorerError where a config asks for anything else."""
    check_no_code(folder)
    found: dict[str, Path | bytes] = {}
    for name in ("model.safetensors", *NETWORK_FILES, *PROCESSOR_FILES, *TOKENIZER_FILES):
        if (folder / name).is_file():
            found[name] = folder / name
            if name.endswith("config.json"):
                check_config(read_json(folder / name), folder / name)
    return found
