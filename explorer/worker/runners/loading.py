"""Models and encoders for the device worker's tasks, through its one table."""

from __future__ import annotations

from typing import Any

from explorer.clip.caption_model import KNOWN, Captioner, find_captioner
from explorer.clip.encoder import Encoder, load_encoder
from explorer.diffusion.locate import hub_folder
from explorer.diffusion.models import Model, describe_model, load_model, pick_device
from explorer.settings import LOCAL, check_engine
from explorer.worker.context import Context
from explorer.worker.engine.actors import Knower, Painter, Reader
from explorer.worker.engine.code import code_sha256
from explorer.worker.engine.crew import Crew


def device(context: Context) -> str:
    """The device that the settings name; "auto" is CUDA, then MPS, then the CPU."""
    return str(pick_device(context.settings.device))


def model(context: Context, source: str) -> Model:
    """The model, loaded if it is not; what was used longest ago makes room."""
    place = device(context)
    home = context.settings.home
    return context.table.get(
        f"model {source} {place}", lambda: load_model(source, device=place, home=home),
        size_of=lambda found: found.info.memory_bytes,
        expected_bytes=describe_model(source, home=home).size_bytes)


def encoder(context: Context, spec: str) -> Encoder:
    """The CLIP, loaded if it is not."""
    place = device(context)
    return context.table.get(
        f"clip {spec} {place}",
        lambda: load_encoder(spec, device=place, offline=context.settings.offline), size_of=_encoder_bytes)


def painters(context: Context, engine: str, source: str, found: Model) -> Crew | None:
    """The cluster that `engine` ("": the settings') names, holding this model on its nodes; None for "local"."""
    return _crew(context, engine, Painter, found.ref.fingerprint, source, found.precision)


def knowers(context: Context, engine: str, source: str, found: Model) -> Crew | None:
    """As `painters`, for tests of familiarity."""
    return _crew(context, engine, Knower, found.ref.fingerprint, source, found.precision)


def readers(context: Context, engine: str, spec: str, found: Encoder) -> Crew | None:
    """As `painters`, holding this CLIP."""
    return _crew(context, engine, Reader, found.fingerprint, spec)


def _crew(context: Context, engine: str, kind: type, fingerprint: str, *args: str) -> Crew | None:
    address = engine or context.settings.engine
    check_engine(address)
    if address == LOCAL:
        return None
    name = f"cluster {address} {kind.__name__} {fingerprint} {' '.join(args)}"
    if name not in context.table.sizes():
        context.table.drop("cluster ")  # the nodes' room is for one crew at a time
    return context.table.get(
        name, lambda: Crew(address, kind, *args, {"code": code_sha256(), "fingerprint": fingerprint}),
        size_of=lambda crew: 0)


def captioner(context: Context) -> Captioner | None:
    """The caption model whose weights are at hand (downloaded here, or in the hub's cache), else None."""
    place, home = device(context), context.settings.home
    sources = (*(str(hub_folder(name, home)) for name in KNOWN), *KNOWN)
    name = f"captions {place}"
    if name not in context.table.sizes() and (found := find_captioner(sources, device=place)) is None:
        return None
    return context.table.get(name, lambda: found, size_of=_encoder_bytes)


def _encoder_bytes(found: Any) -> int:
    tensors = (*found.model.parameters(), *found.model.buffers())
    return sum(t.numel() * t.element_size() for t in tensors)
