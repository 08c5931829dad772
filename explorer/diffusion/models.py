"""Loads a diffusion model from local files: safetensors only, no remote code, no network."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.adapter_files import AdapterFile, parse_source
from explorer.diffusion.adapters import lay_over
from explorer.diffusion.classes import Index
from explorer.diffusion.describe import describe_model
from explorer.diffusion.families.family import Family, network_of
from explorer.diffusion.families.latent_space import LatentSpace
from explorer.diffusion.families.make import family_of
from explorer.diffusion.locate import Located, check_configs, files_to_open, locate
from explorer.diffusion.memory import MemoryPolicy, check_room, free_bytes, policy_of, settle
from explorer.diffusion.memory_plan import computer_bytes, named, plan
from explorer.diffusion.networks import check_networks
from explorer.diffusion.schedulers import Schedule
from explorer.diffusion.shapes import shape_of
from explorer.errors import ExplorerError
from explorer.foreign.loading_errors import opening
from explorer.foreign.private import private_folder
from explorer.records import Adapter, ModelInfo, ModelRef, Recipe
from explorer.records.families import facts
from explorer.texts import say

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
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
    policy: MemoryPolicy  # how it is held in memory
    family: Family | None  # None: only the pipeline's own call runs it

    @cached_property
    def latent_space(self) -> LatentSpace:
        """What goes between pictures and latents; the family itself where there is one."""
        return self.family or LatentSpace(self.pipe, self.dtype)

    @property
    def precision(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    @property
    def own_loop(self) -> bool:
        """Whether our batched sampler runs it; otherwise the pipeline's own call does."""
        return self.family is not None

    def schedule(self, recipe: Recipe) -> Schedule | None:
        """What the family asks of the scheduler for a recipe's image."""
        return self.family.schedule(recipe.steps, height_px=recipe.height_px, width_px=recipe.width_px)

    def noise_shape(self, recipe: Recipe) -> tuple[int, int, int]:
        """(c, h, w) of the latents of a recipe's image."""
        channels, cell = self.family.latent_shape
        return channels, recipe.height_px // cell, recipe.width_px // cell


def load_model(source: str, *, device: str = "auto", precision: str = "auto",
               home: Path | None = None) -> Model:
    """The model at `source` ("world", folder, .safetensors file or downloaded hub id) on `device`.

    Adapters are laid over it as "BASE + FILE*0.8 + FILE" (LoRA or textual inversion, .safetensors).

    `precision` is "auto" (on CUDA float16, for flow families bfloat16; else float32) or a name of DTYPES; `home` is
    the workspace with downloads and the fingerprint cache. ExplorerError for unknown or unsafe sources, missing
    weights, damaged files, and when the device's memory does not suffice.
    """
    base, files = parse_source(source)
    located = locate(base, home=home)
    info = describe_model(source, home=home)
    known = facts(info.family)
    if files and not known.own_loop:
        raise ExplorerError("diffusion.models_runs_through_diffusers", info_name=info.name)
    if files and located.network is not None and located.network.suffix.lower() == ".gguf":
        raise ExplorerError("model_files.adapter_over_gguf", name=located.network.name)
    place = pick_device(device)
    pick_dtype(precision, place)
    shape = shape_of(located)
    planned = plan(shape, device=place.type, free_bytes=free_bytes(place), host_bytes=computer_bytes(),
                   width_px=info.default_size_px, height_px=info.default_size_px, precision=precision,
                   flow=known.bfloat16)
    check_room(planned, info.name)
    policy = policy_of(planned)
    with out_of_memory(say("note.diffusion.loading", name=info.name)), opening(
            say("note.diffusion.model", root=located.root), then=say("note.diffusion.files_may_incomplete")):
        pipe = _open(located, DTYPES[shape.narrow if policy.place == "held" else policy.precision])
        family = _settled(pipe, info, policy, place, files)
        return model_from_pipeline(pipe, family[1], device=place, policy=policy, family=family[0],
                                   adapters=tuple(f.record() for f in files))


def _settled(pipe: Any, info: ModelInfo, policy: MemoryPolicy, place: torch.device,
             files: tuple[AdapterFile, ...]) -> tuple[Family | None, ModelInfo]:
    """The pipeline in its place with adapters laid over it, and what they did among the notes.

    Parts that take turns on a card are laid over before they go there, on the processor.
    """
    whole = policy.place in ("device", "held")
    if whole:
        settle(pipe, policy, place)
    _still(pipe)
    first = place if whole else torch.device("cpu")
    family = family_of(pipe, info.family, device=first, dtype=DTYPES[policy.precision])
    if files and family is not None:
        laid = lay_over(pipe, files, family)
        info = replace(info, notes=info.notes + tuple(one.told(f) for one, f in zip(laid, files, strict=True)))
    if not whole:
        settle(pipe, policy, place)
        if family is not None:
            family.device = place
    return family, info


def _still(pipe: Any) -> list[torch.nn.Module]:
    """The pipeline's networks, set to inference."""
    pipe.set_progress_bar_config(disable=True)
    parts = [p for p in pipe.components.values() if isinstance(p, torch.nn.Module)]
    for part in parts:
        part.requires_grad_(False)
        part.eval()
    return parts


def model_from_pipeline(pipe: Any, info: ModelInfo, *, device: torch.device | str = "cpu",
                        adapters: tuple[Adapter, ...] = (), policy: MemoryPolicy | None = None,
                        family: Family | None = None) -> Model:
    """A Model around a pipeline that is on `device` already (networks set to inference)."""
    device = torch.device(device)
    parts = _still(pipe)
    network = network_of(pipe) or parts[0]
    size = sum(t.numel() * t.element_size() for p in parts for t in (*p.parameters(), *p.buffers()))
    policy = policy or MemoryPolicy(str(network.dtype).removeprefix("torch."), "device", 8, 8, "", ())
    loaded = replace(info, loaded=True, device=str(device), memory_bytes=size, precision=policy.precision,
                     notes=info.notes + policy.notes)
    ref = ModelRef(info.source, info.fingerprint, info.family, adapters)
    dtype = DTYPES[policy.precision]
    family = family or family_of(pipe, info.family, device=device, dtype=dtype)
    return Model(loaded, ref, pipe, device, dtype, dict(pipe.scheduler.config), policy, family)


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
    """The dtype of that name; "auto" is half precision on CUDA (float16 here) and float32 elsewhere."""
    precision = named(precision, device=device.type, flow=False)
    if precision not in DTYPES:
        raise ExplorerError("diffusion.models_precision_unknown", precision=precision, dtypes=", ".join(DTYPES))
    return DTYPES[precision]


def _open(located: Located, dtype: torch.dtype) -> Any:
    from diffusers.utils import logging
    logging.disable_progress_bar()
    if located.index is None:
        from explorer.diffusion.single_file import open_single_file
        return open_single_file(located, dtype)
    if located.network is not None:
        from explorer.diffusion.network_file import open_network
        return _open_folder(located, located.index, dtype, **{located.role: open_network(located, dtype)})
    return _open_folder(located, located.index, dtype)


def _open_folder(located: Located, index: Index, dtype: torch.dtype, **given: torch.nn.Module) -> Any:
    """The pipeline out of a private folder with the located files; classes as our table names them.

    `given` are networks that are loaded already, by role.
    """
    import diffusers
    files: dict[str, Path | bytes] = {f: located.root / f for f in files_to_open(index, located.files)}
    files["model_index.json"] = json.dumps(index.plain()).encode()
    empty = dict.fromkeys(sorted(set(index.kind.parts) - set(index.parts)))  # None for a part that is left out
    with private_folder(files) as folder:
        check_configs(folder, index, list(files))  # once more, on the copies that are going to be read
        check_networks(folder, index, list(files))
        pipe = getattr(diffusers, index.kind.pipeline).from_pretrained(
            folder, torch_dtype=dtype, use_safetensors=True, local_files_only=True,
            variant=located.variant or None, low_cpu_mem_usage=True, **empty, **given)
    _check_filled(pipe, located)
    return pipe


def _check_filled(pipe: Any, located: Located) -> None:
    """ExplorerError where a part has weights that no file gave: diffusers leaves them without numbers."""
    for role, part in pipe.components.items():
        if isinstance(part, torch.nn.Module):
            empty = next((n for n, t in (*part.named_parameters(), *part.named_buffers()) if t.is_meta), None)
            if empty:
                raise ExplorerError("diffusion.models_lacks_weights", role=role, root=located.root, name=empty)


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
