"""What a network would take of memory: run on torch's meta device, where tensors have sizes and no numbers."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import diffusers
import torch
import transformers
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def built(config: dict[str, Any], *, library: Any = diffusers) -> torch.nn.Module:
    """A network of a published configuration without numbers, in bfloat16."""
    kind = config.get("_class_name") or config["architectures"][0]
    with torch.device("meta"):
        if library is transformers:
            made = getattr(transformers, kind)(transformers.AutoConfig.for_model(**config))
        else:
            made = getattr(diffusers, kind).from_config(config)
        return made.to(torch.bfloat16).eval()


def numbers(network: torch.nn.Module) -> int:
    """Parameters and buffers that a file would hold."""
    return sum(t.numel() for t in network.state_dict(keep_vars=True).values())


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, dtype=torch.bfloat16, device="meta")


class _Flash(TorchFunctionMode):
    """Attention that never holds the matrix of all pairs, as devices compute it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.nn.functional.scaled_dot_product_attention:
            query = kwargs.get("query", args[0] if args else None)
            value = kwargs.get("value", args[2] if len(args) > 2 else None)
            return torch.empty(*query.shape[:-1], value.shape[-1], dtype=query.dtype, device="meta")
        return func(*args, **kwargs)


class _Counted(TorchDispatchMode):
    def __init__(self, known: set[int]) -> None:
        super().__init__()
        self.known, self.now, self.peak = known, 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._seen(tensor.untyped_storage())
        return out

    def _seen(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size


def peak_bytes(network: torch.nn.Module, call: Callable[[], Any]) -> int:
    """Bytes alive at once at the peak of a call, besides the network's weights."""
    counted = _Counted({t.untyped_storage()._cdata for t in (*network.parameters(), *network.buffers())})
    with torch.inference_mode(), _Flash(), counted:
        call()
    return counted.peak
