"""A single-file checkpoint as a pipeline, offline: weights from the file, configs from `published`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.declared import check_checkpoint, scheduler_of
from explorer.diffusion.locate import Located
from explorer.diffusion.published import CONFIGS, PIPELINES, write_configs
from explorer.foreign.reading import read_table


def open_single_file(located: Located, dtype: torch.dtype, *, configs: dict[str, Any] | None = None) -> Any:
    """The pipeline in `located` (a whole Stable Diffusion 1, 2 or XL checkpoint, safetensors).

    What the file declares of its predictions goes into the scheduler's config, and what the person says where a
    file of Stable Diffusion 2 declares nothing. `configs` replaces the family's published
    configurations. ExplorerError for a file that is not a whole text-to-image model.
    """
    import diffusers
    table = read_table(located.single_file)
    check_checkpoint(table, located.single_file)
    configs = dict(configs or CONFIGS[located.family])
    told = {"prediction_type": located.predicts} if located.predicts else {}
    configs["scheduler"] = configs["scheduler"] | told | scheduler_of(table, located.single_file)
    kind = getattr(diffusers, PIPELINES[located.family])
    with tempfile.TemporaryDirectory() as folder:
        write_configs(located.family, Path(folder), configs=configs)
        return kind.from_single_file(str(located.single_file), config=folder, torch_dtype=dtype,
                                     local_files_only=True)
