"""Weights that stay as narrow as their file has them, and are widened layer by layer when they are used.

A matrix stored with 16 or 8 bits and computed in a wider format gives what it would give if it were held wide from
the start: every stored number is a number there too. What is saved is memory; what is paid is the widening at each
call.
"""

from __future__ import annotations

import re
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F

from explorer.diffusion.families.family import network_of

# Layers whose own format other code looks at (diffusers at a network's first, Z-Image at its clock's, T5 at `wo`).
WIDE = re.compile(r"embed|^conv_in$|\.wo$")


def hold(pipe: Any, compute: torch.dtype) -> int:
    """Keeps the matrices of the network and of the text encoders as they are and widens all else to `compute`.

    Returns the numbers that are held narrow. The autoencoder is widened whole.
    """
    held, network = 0, network_of(pipe)
    for role, part in pipe.components.items():
        if not isinstance(part, torch.nn.Module):
            continue
        if part is network or role.startswith("text_encoder"):
            held += hold_part(part, compute)
        else:
            part.to(compute)
    return held


def hold_part(part: torch.nn.Module, compute: torch.dtype) -> int:
    """As `hold`, for one network; returns the numbers that are held narrow."""
    held = 0
    for name, module in part.named_modules():
        forward = _FORWARDS.get(type(module))
        if forward and module.weight.dtype != compute and not WIDE.search(name):
            module.forward = MethodType(forward, module)
            held += module.weight.numel()
            continue
        for own in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if own.is_floating_point():
                own.data = own.data.to(compute)
    return held


def narrow_part(part: torch.nn.Module, kind: torch.dtype) -> None:
    """Stores those matrices as `kind` whose every number is one there too: nothing is rounded."""
    for module in part.modules():
        if type(module) in _FORWARDS:
            narrow = module.weight.data.to(kind)
            if torch.equal(narrow.to(module.weight.dtype), module.weight.data):
                module.weight.data = narrow


def is_held(module: torch.nn.Module) -> bool:
    """Whether a layer's weights are widened at each call."""
    return getattr(module.forward, "__func__", None) in _FORWARDS.values()


def _linear(self: torch.nn.Linear, given: torch.Tensor) -> torch.Tensor:
    return F.linear(given, self.weight.to(given.dtype), _bias(self, given))


def _conv(self: torch.nn.Conv2d, given: torch.Tensor) -> torch.Tensor:
    return self._conv_forward(given, self.weight.to(given.dtype), _bias(self, given))


def _bias(layer: Any, given: torch.Tensor) -> torch.Tensor | None:
    return None if layer.bias is None else layer.bias.to(given.dtype)


_FORWARDS = {torch.nn.Linear: _linear, torch.nn.Conv2d: _conv, torch.nn.Conv3d: _conv}
