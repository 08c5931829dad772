"""A single-file checkpoint as a pipeline, offline: weights from the file, configs from `published`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.locate import Located
from explorer.diffusion.published import PIPELINES, write_configs


def open_single_file(located: Located, dtype: torch.dtype, *, configs: dict[str, Any] | None = None) -> Any:
    """The pipeline in `located` (a whole Stable Diffusion 1, 2 or XL checkpoint, safetensors).

    Stable Diffusion 2 files do not say what they predict: the 768-pixel model's v-prediction is taken.
    `configs` replaces the family's published configurations.
    """
    import diffusers
    kind = getattr(diffusers, PIPELINES[located.family])
    with tempfile.TemporaryDirectory() as folder:
        write_configs(located.family, Path(folder), configs=configs)
        return kind.from_single_file(str(located.single_file), config=folder, torch_dtype=dtype,
                                     local_files_only=True)
