"""A network out of a file of its own (safetensors, fp8 or GGUF), read by diffusers' own converters, offline."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from explorer.diffusion.held import hold_part, narrow_part
from explorer.diffusion.locate import Located
from explorer.diffusion.network_files import bare, table_of
from explorer.diffusion.published import CONFIGS
from explorer.diffusion.published_flows import FLOWS
from explorer.errors import ExplorerError
from explorer.foreign.configs import check_config
from explorer.foreign.private import private_folder
from explorer.foreign.reading import TensorTable, read_json
from explorer.foreign.sizes import numbers_built
from explorer.records.families import facts

NEAR = 0.01  # places that are computed and not stored, such as positions, may be among the numbers or not
SCALES = (".scale_weight", ".weight_scale")  # of a file whose fp8 numbers are to be multiplied
LDM = "model.diffusion_model."
FORGOTTEN = ("scaled_fp8", ".scale_input", ".input_scale")  # of such a file: marks, and scales for other programs


def open_network(located: Located, dtype: torch.dtype) -> torch.nn.Module:
    """The network of `located.network`, computed in `dtype`: fp8 and GGUF weights stay as they are.

    ExplorerError for a file of which no configuration fits.
    """
    path = located.network
    table = table_of(path)
    config = fitting(table, located)
    suffix = path.suffix.lower()
    files = {f"network{suffix}": path, "config.json": json.dumps(config).encode()}
    with private_folder(files) as folder:
        return _opened(folder / f"network{suffix}", folder, table, _class(config), dtype)


def _opened(path: Path, config: Path, table: TensorTable, kind: Any, dtype: torch.dtype) -> torch.nn.Module:
    more: dict[str, Any] = {"config": str(config), "torch_dtype": dtype, "local_files_only": True}
    if path.suffix == ".gguf":
        from diffusers import GGUFQuantizationConfig
        quantised = GGUFQuantizationConfig(compute_dtype=dtype)
        return kind.from_single_file(str(path), quantization_config=quantised, **more)
    network = kind.from_single_file(_tensors(path, dtype), **more)
    if any(t.dtype == "F8_E4M3" for t in table.tensors.values()):
        narrow_part(network, torch.float8_e4m3fn)
        hold_part(network, dtype)
    return network


def _tensors(path: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The file's tensors under bare names; scaled fp8 multiplied out."""
    from safetensors.torch import load_file
    found = dict(bare(load_file(str(path))))
    ends = [(name, end) for name in found for end in SCALES if name.endswith(end)]
    scales = {name.removesuffix(end): found.pop(name) for name, end in ends}
    for base, scale in scales.items():
        weight = found.get(f"{base}.weight")
        if weight is None:
            raise ExplorerError("model_files.scale_without_weight", place=base)
        found[f"{base}.weight"] = (weight.float() * scale.float()).to(dtype)
    before = LDM if any(name.startswith("input_blocks.") for name in found) else ""  # which its converter asks for
    return {before + name: t for name, t in found.items() if not name.endswith(FORGOTTEN)}


def fitting(table: TensorTable, located: Located) -> dict[str, Any]:
    """The configuration whose network has as many numbers as the file: the named model's, or a published one."""
    tensors = bare(table.tensors)
    stored = sum(torch.Size(t.shape).numel() for name, t in tensors.items()
                 if not name.endswith((*SCALES, *FORGOTTEN)))
    for config in _candidates(located, tensors):
        built = numbers_built(partial(_class(config).from_config, config), most=int(1.2 * stored) + (1 << 22))
        if built is not None and abs(built - stored) <= NEAR * stored:
            return config
    raise ExplorerError("model_files.no_config_fits", name=located.network.name, numbers=stored / 1e9,
                        family=facts(located.family).label)


def _candidates(located: Located, tensors: dict[str, Any]) -> Iterator[dict[str, Any]]:
    role = located.role
    own = located.root / role / "config.json"
    if own.is_file():
        config = read_json(own)
        check_config(config, own)
        yield _as_told(config, tensors)
    name = located.index.parts[role][1]
    for rows in (*CONFIGS.values(), *FLOWS.values()):
        if rows.get(role, {}).get("_class_name") == name:
            yield _as_told(rows[role], tensors)


def _as_told(config: dict[str, Any], tensors: dict[str, Any]) -> dict[str, Any]:
    """A configuration with guidance as an input where the file has weights for it, and without where not."""
    if config.get("_class_name") != "FluxTransformer2DModel":
        return config
    guided = any(name.startswith(("guidance_in.", "time_text_embed.guidance_embedder.")) for name in tensors)
    return config | {"guidance_embeds": guided}


def _class(config: dict[str, Any]) -> Any:
    return getattr(importlib.import_module("diffusers"), config["_class_name"])
