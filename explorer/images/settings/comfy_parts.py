"""What goes into one ComfyUI sampler: its model with LoRAs, its text encoder, its prompts; walked backwards.

Each function marks what it used of a node; whatever stays unmarked is named by the walk.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.images.settings.claims import AdapterClaim, number, whole
from explorer.images.settings.comfy_graph import MAX_HOPS, Graph, Link, Node, Undecided
from explorer.images.settings.comfy_tables import LOADERS
from explorer.texts import say

_ZEROED = ("ConditioningZeroOut",)
_COMBINED = ("ConditioningCombine", "ConditioningConcat", "ConditioningAverage", "Conditioning Combine",
             "ConditioningCombineMultiple")
_ENCODERS = {"CLIPTextEncode": ("text",), "CLIPTextEncodeSDXL": ("text_g", "text_l"),
             "CLIPTextEncodeSDXLRefiner": ("text",), "CLIPTextEncodeFlux": ("t5xxl", "clip_l"),
             "CLIPTextEncodeSD3": ("clip_g", "clip_l", "t5xxl"), "CLIPTextEncodeHunyuanDiT": ("bert", "mt5xl"),
             "CLIPTextEncodeSDXL+": ("text_g", "text_l"), "CLIP Text Encode (Prompt)": ("text",),
             "CLIPTextEncodeLumina2": ("user_prompt",), "TextEncodeQwenImageEdit": ("prompt",)}


@dataclass
class GraphModel:
    """The model's name and what is laid over it; `named` are sentences."""

    name: str = ""
    adapters: list[AdapterClaim] = field(default_factory=list)
    rescale: float | None = None
    named: list[str] = field(default_factory=list)


@dataclass
class Conditioning:
    """One conditioning: its text, its encoder's layers, LoRAs' weights on that encoder, and what else acts."""

    text: str = ""
    clip_skip: int | None = None
    loras: dict[str, float] = field(default_factory=dict)
    distilled: float | None = None
    named: list[str] = field(default_factory=list)


def model_of(graph: Graph, link: Any) -> GraphModel:
    """Walks a model's chain to its loader: LoRAs in the order in which they are laid on, patches named."""
    made = GraphModel()
    for _ in range(MAX_HOPS):
        node = graph.node(link)
        if node is None:
            return made
        node.touched = True
        if node.kind in LOADERS:
            made.name = str(_text(graph, node, LOADERS[node.kind], made.named))
            _precision(node, made.named)
            return made
        loras = loras_of(graph, node, made.named)
        made.adapters[:0] = loras
        if node.kind == "RescaleCFG":
            made.rescale = number(_got(graph, node, "multiplier", made.named))
        elif not loras and not _is_lora_node(node):
            named_whole(node, made.named, say("note.images.changes_model"))
        link = node.inputs.get("model", node.inputs.get("unet"))
        if not isinstance(link, Link):
            named_whole(node, made.named, say("note.images.where_model_comes"))
            return made
    raise Undecided(say("note.images.model_chain_no"))


def _precision(node: Node, named: list[str]) -> None:
    kind = node.inputs.get("weight_dtype")
    if kind is not None:
        node.use("weight_dtype")
        if kind != "default":
            named.append(say("note.images.model_loaded", kind=str(kind)[:40], node_name=node.name))


def _is_lora_node(node: Node) -> bool:
    return "lora" in node.kind.lower()


def loras_of(graph: Graph, node: Node, named: list[str]) -> list[AdapterClaim]:
    """The LoRAs that one node lays on, with their weights; none if it is no such node or they are off."""
    if not _is_lora_node(node):
        return []
    if "lora_name" in node.inputs:
        name = _text(graph, node, "lora_name", named)
        weight = number(_got(graph, node, ("strength_model", "strength", "model_strength"), named))
        text = number(_got(graph, node, ("strength_clip", "clip_strength"), named))
        node.use("model", "clip")
        return (
            [] if name in ("", "None") or weight == 0 == (text or 0) else [AdapterClaim(name, "lora", weight, text)]
        )
    found = []
    for key, value in node.inputs.items():
        if isinstance(value, dict) and "lora" in value:  # rgthree's Power Lora Loader
            node.use(key)
            if value.get("on", True) and value["lora"] not in (None, "None"):
                both = number(value.get("strength")), number(value.get("strengthTwo"))
                found.append(AdapterClaim(str(value["lora"])[:200], "lora", *both))
        elif key.startswith("lora_") and isinstance(value, str):  # rows of name and strength
            weight = node.inputs.get(key.replace("lora_", "strength_"))
            node.use(key, key.replace("lora_", "strength_"))
            if value not in ("None", ""):
                found.append(AdapterClaim(value[:200], "lora", number(weight)))
    return found


def words_of(graph: Graph, link: Any) -> Conditioning:
    """Walks a conditioning's chain to the text; what combines, bounds or steers it is named with its node."""
    made = Conditioning()
    for _ in range(MAX_HOPS):
        node = graph.node(link)
        if node is None:
            return made
        node.touched = True
        if node.kind in _ENCODERS or _looks_like_encoder(node):
            _encoder(graph, node, made)
            return made
        link = _conditioned(graph, node, made, link)
    raise Undecided(say("note.images.prompt_chain_no"))


def _looks_like_encoder(node: Node) -> bool:
    return "clip" in node.inputs and any(k in node.inputs for k in ("text", "prompt", "text_positive"))


def _conditioned(graph: Graph, node: Node, made: Conditioning, link: Link) -> Link | None:
    """What one node between sampler and text does; the link to go on with."""
    if node.kind == "FluxGuidance":
        made.distilled = number(_got(graph, node, "guidance", made.named))
        return node.inputs.get("conditioning")
    if node.kind in _ZEROED:
        named_whole(node, made.named, say("note.images.sets_prompt_numbers"))
        return None
    links = node.links()
    if node.kind in _COMBINED or sum("conditioning" in k for k in links) > 1:
        named_whole(node, made.named, say("note.images.joins_several_prompts"))
        for name in sorted(n for n in links if "conditioning" in n)[1:]:
            other = words_of(graph, links[name])
            made.named += [f"a further prompt ({node.name}): {other.text[:300]}", *other.named]
        return links.get(min((n for n in links if "conditioning" in n), default=""))
    named_whole(node, made.named, say("note.images.acts_prompt"))
    slot = "negative" if graph.origin(link)[1] == 1 and "negative" in links else "positive"
    for name in ("conditioning", slot, "conditioning_1", "cond"):
        if name in links:
            return links[name]
    raise Undecided(say("note.images.prompt_passes_not", node_name=node.name))


def _encoder(graph: Graph, node: Node, made: Conditioning) -> None:
    names = _ENCODERS.get(node.kind, ("text", "prompt", "text_positive"))
    texts = [t for n in names if n in node.inputs and isinstance(t := graph.value(node, n), str)]
    if not texts:
        raise Undecided(say("note.images.no_text_read", node_name=node.name))
    made.text = texts[0]
    if len(set(texts)) > 1 and node.kind in _ENCODERS:
        made.named += [say("note.images.second_text_encoder", node_name=node.name, t=t[:300])
                       for t in dict.fromkeys(texts[1:]) if t != texts[0]]
    if node.kind == "CLIPTextEncodeFlux":
        made.distilled = number(_got(graph, node, "guidance", made.named))
    elif node.kind not in _ENCODERS:
        named_whole(node, made.named, say("note.images.encodes_prompt_own"))
    _clip(graph, node.inputs.get("clip"), made)


def _clip(graph: Graph, link: Any, made: Conditioning) -> None:
    """The text encoder's chain: layers skipped (the node nearest the text counts), LoRAs laid on it."""
    for _ in range(MAX_HOPS):
        node = graph.node(link)
        if node is None:
            return
        node.touched = True
        if node.kind == "CLIPSetLastLayer":
            layer = whole(_got(graph, node, "stop_at_clip_layer", made.named))
            made.clip_skip = abs(layer) if made.clip_skip is None and layer is not None else made.clip_skip
        elif _is_lora_node(node):
            made.loras |= {a.name: a.text_weight if a.text_weight is not None else (a.weight or 0.0)
                           for a in loras_of(graph, node, made.named)}
        elif "clip" in node.inputs:
            named_whole(node, made.named, say("note.images.changes_text_encoder"))
        else:
            if node.kind not in LOADERS:
                named_whole(node, made.named, say("note.images.where_text_encoder"))
            return
        link = node.inputs.get("clip")


def named_whole(node: Node, named: list[str], what: str) -> None:
    """Names a node with all its settings, and marks them as told."""
    node.use(*node.inputs)
    values = ", ".join(f"{k} {str(v)[:80]}" for k, v in node.inputs.items()
                       if not isinstance(v, (Link, dict, list)) and v not in (None, ""))
    named.append(f"{node.name} {what}{': ' + values[:400] if values else ''}")


def _got(graph: Graph, node: Node, names: str | tuple[str, ...], named: list[str]) -> Any:
    """A value, or None with the reason among `named`."""
    try:
        return graph.value(node, *((names,) if isinstance(names, str) else names))
    except Undecided as why:
        named.append(str(why))
        return None


def _text(graph: Graph, node: Node, name: str, named: list[str]) -> str:
    value = _got(graph, node, name, named)
    if isinstance(value, dict):  # {"content": "x.safetensors", "image": …}, pythongosssss' loaders
        value = value.get("content")
    return value[:300] if isinstance(value, str) else ""


got = _got
