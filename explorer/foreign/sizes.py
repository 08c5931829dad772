"""A network's size as its config would build it, against the weights that lie there; nothing is computed.

Building a network takes time and memory by what its config says, long before a weight is read. So it is first
built on torch's meta device, where a tensor has a shape and no numbers, and given up as soon as it has more
numbers, or more parts, than the weights account for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.nn.modules import module as registry

from explorer.errors import ExplorerError
from explorer.foreign.reading import read_table

PARTS = (500, 25)  # modules that a network may have: so many, and so many more for each stored tensor
SLACK = 1.1  # places that are computed and not stored, such as positions
SMALL = 1 << 22  # numbers that no one needs to count
log = logging.getLogger(__name__)


class _TooLarge(Exception):
    pass


def check_size(build: Callable[[], Any], weights: Iterable[Path], what: str) -> None:
    """ExplorerError if the network that `build` makes is larger than the safetensors `weights` account for."""
    tensors = [t for path in weights for t in read_table(path).tensors.values()]
    stored = sum(torch.Size(t.shape).numel() for t in tensors)
    try:
        with torch.device("meta"), _counted(PARTS[0] + PARTS[1] * len(tensors), SMALL + int(SLACK * stored)):
            build()
    except _TooLarge:
        raise ExplorerError("foreign.sizes_larger_than_weights", what=what) from None
    except Exception as error:  # the real loading says what is wrong, better than this rehearsal
        log.debug("%s cannot be built without memory: %r", what, error)


def numbers_built(build: Callable[[], Any], *, most: int) -> int | None:
    """Numbers in the weights of the network that `build` makes; None where they are over `most`, or none is made.

    Nothing is computed: the network is made on the meta device, and given up as soon as it is too large.
    """
    try:
        with torch.device("meta"), _counted(PARTS[0] * 100, most):
            return sum(t.numel() for t in build().state_dict().values())
    except Exception as error:
        log.debug("a network cannot be built without memory: %r", error)
        return None


@contextmanager
def _counted(modules: int, numbers: int) -> Iterator[None]:
    """Ends what is built within as soon as it has more modules, or more numbers in its tensors, than these."""
    left = {"modules": modules, "numbers": numbers}
    seen: dict[int, torch.Tensor] = {}  # tied weights are one

    def module(*_: Any) -> None:
        left["modules"] -= 1
        if left["modules"] < 0:
            raise _TooLarge

    def tensor(_: Any, __: str, value: torch.Tensor | None) -> None:
        if value is not None and id(value) not in seen:
            seen[id(value)] = value
            left["numbers"] -= value.numel()
            if left["numbers"] < 0:
                raise _TooLarge
    hooks = (registry.register_module_module_registration_hook(module),
             registry.register_module_parameter_registration_hook(tensor),
             registry.register_module_buffer_registration_hook(tensor))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
