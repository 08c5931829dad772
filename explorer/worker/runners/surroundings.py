"""The whole fingerprint of where an image is made: the sampler's own, and the libraries beneath it."""

from __future__ import annotations

import platform
import zlib
from typing import Any

import numpy
import torch
from PIL import features

from explorer.diffusion.environment import environment


def surroundings(device: torch.device | str) -> dict[str, Any]:
    """`environment` and instruction set, BLAS, oneDNN, drivers, zlib and libwebp, as plain JSON values."""
    build = torch.__config__.show()
    return environment(device) | {"libraries": {
        "zlib": zlib.ZLIB_RUNTIME_VERSION, "pillow_zlib": str(features.version("zlib")),
        "libwebp": str(features.version("webp")), "libjpeg": str(features.version("jpg")),
        "torch_build": " ".join(build.split()), "numpy": numpy.__version__,
        "blas": _blas(build), "onednn": _line(build, "MKL-DNN"), "processor": _processor(),
        "interop_threads": torch.get_num_interop_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(), "driver": _driver(device)}}


def _line(build: str, word: str) -> str:
    return next((line.strip(" -") for line in build.splitlines() if word in line), "")


def _blas(build: str) -> str:
    return _line(build, "Math Kernel Library") or _line(build, "BLAS")


def _processor() -> str:
    """The processor's model name, as the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
            return next(names, "")
    except OSError:
        return platform.processor()


def _driver(device: torch.device | str) -> str:
    if torch.device(device).type != "cuda":
        return ""
    try:
        with open("/proc/driver/nvidia/version", encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return ""
