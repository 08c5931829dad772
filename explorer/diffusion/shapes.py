"""How large a model is, from its configs and the tables of its files: no weight is read and no torch imported."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.diffusion.locate import Located
from explorer.diffusion.network_files import table_of
from explorer.foreign import gguf_reading
from explorer.foreign.reading import WIDTHS, TensorTable, read_json
from explorer.records.families import facts

# Numbers that are alive at once at the peak of a network's call, measured on the published networks without
# weights: a transformer's for each token and unit of its width (12 to 22), a UNet's for each latent cell and each
# channel of its first level, and a decoder's for each pixel and channel of the level below its last.
A_TOKEN, A_CELL, A_PIXEL = 22, 26, 3
FILM = 18  # of an autoencoder for films, for each pixel and unit of its base
USUAL_WIDTH, USUAL_DECODE = 3072, 768  # for a network whose config does not say
BITS = gguf_reading.BITS | {kind: bits for kind, bits in WIDTHS.items() if kind[0] == "F" or kind == "BF16"}
TOKEN_PX = 16  # the side of the square that a token stands for
_PREFIXES = (("first_stage_model.", "vae"), ("vae.", "vae"), ("cond_stage_model.", "text_encoder"),
             ("conditioner.", "text_encoder"), ("text_encoders.", "text_encoder"))


@dataclass(frozen=True)
class NetworkShape:
    """A network of a model: how many numbers it has, with how many bits its file holds each, and in which format
    most of them ("F16" and so on, as safetensors spells it; "" where that is not known).
    """

    role: str
    numbers: int
    bits: float
    kind: str = ""

    @property
    def network(self) -> bool:
        """Whether this is the part that predicts."""
        return self.role in ("unet", "transformer")


@dataclass(frozen=True)
class Shape:
    """What decides a model's memory. The working memory is in numbers: of one image, while the network runs (some
    for each pixel, and some whatever the size), and for each pixel while the image is decoded.
    """

    parts: tuple[NetworkShape, ...]
    a_pixel: float
    fixed: float
    decoded: float

    @property
    def numbers(self) -> int:
        return sum(part.numbers for part in self.parts)

    @property
    def network_bits(self) -> float:
        """With how many bits the network's file holds a number, in the mean."""
        return next((part.bits for part in self.parts if part.network), 0.0)

    @property
    def narrow(self) -> str:
        """The half precision that every part is stored in; empty where one is stored otherwise."""
        kinds = {part.kind if part.bits == 16 else "" for part in self.parts}
        return {"F16": "float16", "BF16": "bfloat16"}.get(kinds.pop(), "") if len(kinds) == 1 else ""

    def working(self, pixels: int) -> float:
        """Numbers alive at the peak of the network's call for one image."""
        return self.a_pixel * pixels + self.fixed


def shape_of_configs(parts: Mapping[str, int], network: dict[str, Any], vae: dict[str, Any], *, tokens: int,
                     bits: float = 16) -> Shape:
    """The shape of a model of so many numbers a part, whose network and autoencoder are configured like that.

    `tokens` are those of the prompt. Configs may be empty: then usual values stand in.
    """
    rows = tuple(NetworkShape(role, numbers, bits) for role, numbers in parts.items())
    return Shape(rows, *working(network, vae, tokens=tokens))


def working(network: dict[str, Any], vae: dict[str, Any], *, tokens: int) -> tuple[float, float, float]:
    """(numbers a pixel, numbers whatever the size, numbers a pixel while decoding) of one image."""
    blocks = _channels(network)
    if blocks:  # a UNet, which takes the row without the prompt along
        return 2 * A_CELL * blocks[0] / _cell(vae) ** 2, 0.0, _decoding(vae)
    width = _width(network)
    side = 32 if vae.get("_class_name") == "AutoencoderDC" else TOKEN_PX
    return A_TOKEN * width / side ** 2, float(A_TOKEN * width * tokens), _decoding(vae)


def _channels(config: dict[str, Any]) -> list[int]:
    found = config.get("block_out_channels") or config.get("encoder_block_out_channels") or []
    return [n for n in found if type(n) is int and n > 0] if isinstance(found, list) else []


def _cell(vae: dict[str, Any]) -> int:
    """Pixels along the side of a latent cell."""
    return 2 ** (len(_channels(vae)[:8]) - 1) if _channels(vae) else 8


def _width(network: dict[str, Any]) -> int:
    for name in ("dim", "hidden_size", "model_dim"):
        if type(network.get(name)) is int:
            return network[name]
    heads, each = network.get("num_attention_heads"), network.get("attention_head_dim")
    return heads * each if type(heads) is int and type(each) is int else USUAL_WIDTH


def _decoding(vae: dict[str, Any]) -> float:
    if type(vae.get("base_dim")) is int:
        return float(FILM * vae["base_dim"])
    channels = _channels(vae)
    return float(A_PIXEL * channels[min(1, len(channels) - 1)]) if channels else float(USUAL_DECODE)


def shape_of(located: Located) -> Shape:
    """The shape of a model's files. ExplorerError if one of them is damaged."""
    parts: dict[str, NetworkShape] = {}
    for name, path in located.paths.items():
        if name.endswith((".safetensors", ".gguf")):
            folder = name.partition("/")[0] if "/" in name else ""
            for part in _parts_of(table_of(path), located.role if folder == "network" else folder):
                before = parts.get(part.role, NetworkShape(part.role, 0, part.bits))
                parts[part.role] = NetworkShape(part.role, before.numbers + part.numbers, part.bits, part.kind)
    network, vae = _configs(located)
    return Shape(tuple(parts.values()), *working(network, vae, tokens=facts(located.family).tokens))


def _parts_of(table: TensorTable, role: str) -> list[NetworkShape]:
    """One part for a folder's file; network, autoencoder and text encoders of a file that holds them all."""
    counts: dict[str, Counter[str]] = {}
    for name, tensor in table.tensors.items():
        of = role or next((part for prefix, part in _PREFIXES if name.startswith(prefix)), "unet")
        if tensor.dtype in BITS:  # places and marks are no weights
            counts.setdefault(of, Counter())[tensor.dtype] += math.prod(tensor.shape)
    return [NetworkShape(of, n, sum(BITS[kind] * k for kind, k in by.items()) / n, by.most_common(1)[0][0])
            for of, by in counts.items() if (n := by.total())]


def _configs(located: Located) -> tuple[dict[str, Any], dict[str, Any]]:
    if located.index is None:
        from explorer.diffusion.published import CONFIGS
        rows = CONFIGS.get(located.family, {})
        return rows.get("unet", {}), rows.get("vae", {})
    found = [read_json(located.root / role / "config.json")
             for roles in (("unet", "transformer"), ("vae", "movq"))
             for role in roles if f"{role}/config.json" in located.files]
    return (*found, {}, {})[:2]
