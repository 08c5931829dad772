"""Loads a diffusion model from local files: safetensors only, no remote code, no network."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.adapter_files import parse_source
from explorer.diffusion.adapters import lay_over
from explorer.diffusion.describe import describe_model
from explorer.diffusion.locate import Located, locate, stored_bits
from explorer.diffusion.memory import Policy, choose, free_bytes, settle
from explorer.diffusion.shared_text import install
from explorer.errors import ExplorerError
from explorer.records import Adapter, ModelInfo, ModelRef
from explorer.texts import say

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
UNET_FAMILIES = ("sd1", "sd2", "sdxl")
__all__ = ["Model", "describe_model", "load_model", "model_from_pipeline", "out_of_memory"]


@dataclass(eq=False)
class Model:
    """A loaded model. Not thread-safe: one worker, one run at a time."""

    info: ModelInfo
    ref: ModelRef
    pipe: Any
    device: torch.device
    dtype: torch.dtype
    scheduler_config: dict[str, Any]  # the model's own, from its files
    policy: Policy  # how it is held in memory
    prompts: dict[Any, Any] = field(default_factory=dict)  # encoded prompts, see conditioning
    attentions: list[Any] = field(default_factory=list)  # text attentions that share rows, see shared_text

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    @property
    def own_loop(self) -> bool:
        """Whether our batched sampler runs it; otherwise the pipeline's own call does."""
        return self.info.family in UNET_FAMILIES

    @property
    def latent_shape(self) -> tuple[int, int]:
        """(channels, pixels a latent cell)."""
        return int(self.pipe.unet.config.in_channels), int(self.pipe.vae_scale_factor)


def load_model(source: str, *, device: str = "auto", precision: str = "auto",
               home: Path | None = None) -> Model:
    """The model at `source` ("world", folder, .safetensors file or downloaded hub id) on `device`.

    Adapters are laid over it as "BASE + FILE*0.8 + FILE" (LoRA or textual inversion, .safetensors).

    `precision` is "auto" (float16 on CUDA, else float32) or a name of DTYPES; `home` is the workspace
    with downloads and the fingerprint cache. ExplorerError for unknown or unsafe sources, missing
    weights, damaged files, and when the device's memory does not suffice.
    """
    base, files = parse_source(source)
    located = locate(base, home=home)
    info = describe_model(source, home=home)
    if files and info.family not in UNET_FAMILIES:
        raise ExplorerError("diffusion.models_runs_through_diffusers", info_name=info.name)
    place = pick_device(device)
    policy = choose(stored_bytes=info.size_bytes, stored_bits=stored_bits(located), device=place.type,
                    free=free_bytes(place), size_px=info.default_size_px, precision=precision)
    with out_of_memory(say("note.diffusion.loading", name=info.name)):
        pipe = _open(located, pick_dtype(policy.precision, place))
        lay_over(pipe, files)
        settle(pipe, policy, place)
    return model_from_pipeline(pipe, info, device=place, policy=policy,
                               adapters=tuple(f.record() for f in files))


def model_from_pipeline(pipe: Any, info: ModelInfo, *, device: torch.device | str = "cpu",
                        adapters: tuple[Adapter, ...] = (), policy: Policy | None = None) -> Model:
    """A Model around a pipeline that is on `device` already (networks set to inference)."""
    device = torch.device(device)
    pipe.set_progress_bar_config(disable=True)
    parts = [p for p in pipe.components.values() if isinstance(p, torch.nn.Module)]
    for part in parts:
        part.requires_grad_(False)
        part.eval()
    _check_network(pipe, info)
    network = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None) or parts[0]
    size = sum(t.numel() * t.element_size() for p in parts for t in (*p.parameters(), *p.buffers()))
    policy = policy or Policy(str(network.dtype).removeprefix("torch."), "device", 8, 8, "", ())
    loaded = replace(info, loaded=True, device=str(device), memory_bytes=size, precision=policy.precision,
                     notes=info.notes + policy.notes)
    ref = ModelRef(info.source, info.fingerprint, info.family, adapters)
    attentions = install(pipe.unet) if info.family in UNET_FAMILIES else []
    return Model(loaded, ref, pipe, device, DTYPES[policy.precision], dict(pipe.scheduler.config), policy,
                 attentions=attentions)


def _check_network(pipe: Any, info: ModelInfo) -> None:
    if info.family not in UNET_FAMILIES:
        return
    takes, gives = pipe.unet.config.in_channels, pipe.vae.config.latent_channels
    if takes != gives:
        raise ExplorerError("diffusion.models_takes_channels_where", info_name=info.name, takes=takes, gives=gives)


def pick_device(device: str) -> torch.device:
    """The device of that name; "auto" is CUDA, then Apple's MPS, then the CPU."""
    if device == "auto":
        mps = torch.backends.mps.is_available()
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if mps else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ExplorerError("diffusion.models_device_asked_torch", device=device)
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ExplorerError("diffusion.models_device_unknown", device=device) from error


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of that name; "auto" is float16 on CUDA and float32 elsewhere."""
    if precision == "auto":
        precision = "float16" if device.type == "cuda" else "float32"
    if precision not in DTYPES:
        raise ExplorerError("diffusion.models_precision_unknown", precision=precision, dtypes=", ".join(DTYPES))
    return DTYPES[precision]


def _open(located: Located, dtype: torch.dtype) -> Any:
    from diffusers import AutoPipelineForText2Image, DiffusionPipeline
    from diffusers.utils import logging
    logging.disable_progress_bar()
    try:
        if located.kind == "file":
            from explorer.diffusion.single_file import open_single_file
            return open_single_file(located, dtype)
        # The img2img twin of a family has the same parts; the text-to-image pipeline is made of them.
        opener = AutoPipelineForText2Image if located.family in UNET_FAMILIES else DiffusionPipeline
        return opener.from_pretrained(
            located.root, torch_dtype=dtype, use_safetensors=True, local_files_only=True,
            variant=located.variant or None, low_cpu_mem_usage=True)
    except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        raise ExplorerError("diffusion.models_cannot_loaded", root=located.root,
                            first_line=_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextlib.contextmanager
def out_of_memory(what: str) -> Iterator[None]:
    """Turns a device's or the computer's out-of-memory into an ExplorerError that says what to do."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        release()
        raise ExplorerError("diffusion.models_needs_more_memory", what=what) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out (CUDA, MPS or CPU)."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and ("out of memory" in str(error).lower()
                                             or "can't allocate memory" in str(error).lower()))


def release() -> None:
    """Hands cached device memory back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
