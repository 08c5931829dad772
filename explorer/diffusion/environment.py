"""What a replay ran on: the same fingerprint is the only ground for claiming equal bytes."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib import metadata
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "diffusers", "transformers", "numpy", "pillow", "safetensors")


def environment(device: torch.device | str = "cpu") -> dict[str, Any]:
    """Versions, processor, threads, attention and determinism settings as plain JSON values."""
    device = torch.device(device)
    found = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine(),
             "packages": {name: _version(name) for name in PACKAGES}, "device": device.type,
             "threads": torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability(),
             "mkldnn": torch.backends.mkldnn.is_available(), "attention": "scaled_dot_product_attention"}
    if device.type == "cuda":
        found |= _cuda(device)
    return found


def environment_sha256(found: dict[str, Any]) -> str:
    """SHA-256 of the fingerprint's canonical JSON."""
    return hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _cuda(device: torch.device) -> dict[str, Any]:
    properties = torch.cuda.get_device_properties(device)
    return {"gpu": properties.name, "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(),
            "multiprocessors": properties.multi_processor_count}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
