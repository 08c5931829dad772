"""What runs on a cluster's nodes: one warm model or encoder an actor. It computes and writes nothing."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

from explorer.collections.picture_batches import Looked, Pictures, look
from explorer.errors import ExplorerError
from explorer.texts import say
from explorer.worker.engine.code import code_sha256


class Painter:
    """One loaded model that does a search's units."""

    def __init__(self, source: str, precision: str, expected: dict[str, str]) -> None:
        """`expected` holds the driver's "code" and "fingerprint"; ExplorerError if this node has others."""
        check_same("code", code_sha256(), expected)
        from explorer.diffusion.models import load_model
        from explorer.search.engine import BatchRoom, LocalEngine
        from explorer.settings import default_home

        model = load_model(source, precision=precision, home=default_home())
        self.here = LocalEngine(model, BatchRoom(sys.maxsize))
        check_same("fingerprint", self.here.model.ref.fingerprint, expected)

    def process(self) -> int:
        """This actor's process id; answers once the model is loaded."""
        return os.getpid()

    def do(self, unit: Any) -> list[Any]:
        """What came of a unit, part by part, with where it was made; see explorer.search.engine."""
        from explorer.diffusion.environment import environment
        from explorer.worker.runners.surroundings import surroundings

        parts, device = [], self.here.model.device
        self.here.do(unit, parts.append)
        where = {"sampler": environment(device), "surroundings": surroundings(device)}
        return [replace(part, environment=where) for part in parts]


class Knower(Painter):
    """One loaded model that says how well it knows pictures."""

    def do(self, unit: Any) -> list[Any]:
        """See explorer.familiarity.known_units."""
        from explorer.familiarity.known_units import measured

        return [measured(self.here.model, unit)]


class Reader:
    """One loaded CLIP that reads, embeds and marks pictures."""

    def __init__(self, spec: str, expected: dict[str, str]) -> None:
        """As Painter's; `spec` names the CLIP."""
        check_same("code", code_sha256(), expected)
        import torch

        from explorer.clip.encoder import load_encoder

        self.encoder = load_encoder(spec, device="cuda" if torch.cuda.is_available() else "cpu")
        check_same("fingerprint", self.encoder.fingerprint, expected)

    def process(self) -> int:
        """This actor's process id; answers once the CLIP is loaded."""
        return os.getpid()

    def do(self, pictures: Pictures) -> list[Looked]:
        """See explorer.collections.picture_batches."""
        return [look(self.encoder, pictures)]


def check_same(what: str, found: str, expected: dict[str, str]) -> None:
    """ExplorerError if a node's code or weights differ from the driver's."""
    if found != expected[what]:
        raise ExplorerError("worker.actors_node_cluster_another", thing=say(f"note.node.{what}"), found=found[:12],
                            expected=expected[what][:12])
