"""An exhibit: one recipe rendered alone, in deterministic mode, with the hash of every stage."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import numpy as np
import torch

from explorer.diffusion.models import Model, out_of_memory
from explorer.diffusion.sampling import Rendered, StepView, sample
from explorer.records import Recipe
from explorer.run import QUIET, Run
from explorer.texts import say


def exhibit(model: Model, recipe: Recipe, *, start_rgb: np.ndarray | None = None, noise: np.ndarray | None = None,
            words: bytes | None = None, run: Run = QUIET,
            on_step: Callable[[StepView], None] | None = None) -> Rendered:
    """The recipe's image at batch 1 in deterministic mode: equal bytes for an equal environment.

    `start_rgb` (h, w, 3) uint8 where the recipe starts from an image, `noise` (c, h, w) float32 where it names
    stored noise, `words` the code of the embedding that it names; `run` and `on_step` as in `sample`.
    ExplorerError for a recipe that does not fit the model and for too little memory.
    """
    with out_of_memory(say("note.diffusion.rendering_replay")), deterministic():
        return sample(model, [recipe], start_rgb=start_rgb, noise=None if noise is None else noise[None],
                      words=words, run=run, on_step=on_step)[0]


@contextlib.contextmanager
def deterministic() -> Iterator[None]:
    """Deterministic kernels only, no TF32; restores the settings afterwards."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (torch.are_deterministic_algorithms_enabled(), cudnn.deterministic, cudnn.benchmark,
              cudnn.allow_tf32, matmul.allow_tf32)
    torch.use_deterministic_algorithms(True)
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = True, False, False, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before[1:]
