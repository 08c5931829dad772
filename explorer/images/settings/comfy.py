"""ComfyUI: the graph walked back from the node that saved the picture, one `Generation` a sampling pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from explorer.images.settings.claims import MAX_TEXT, AdapterClaim, Generation, number, text_of, whole
from explorer.images.settings.comfy_graph import MAX_HOPS, Graph, Link, Node, Undecided
from explorer.images.settings.comfy_parts import Conditioning, GraphModel, got, model_of, named_whole, words_of
from explorer.images.settings.comfy_tables import EMPTY, HARMLESS, IDLE, PICTURES, SAMPLERS, VALUES
from explorer.texts import say

_SPINE = ("samples", "images", "image", "latent_image", "latent", "latents", "pixels", "optional_latent", "source",
          "anything", "any", "input")
_SAVERS = ("SaveImage", "Image Saver", "SaveImageWebsocket", "Save Image w/Metadata")


@dataclass
class Sampled:
    """One sampling pass: settings by name as found, and sentences on the rest."""

    node: Node
    found: dict[str, Any] = field(default_factory=dict)
    named: list[str] = field(default_factory=list)


def from_graph(graph: Graph, *, size: tuple[int, int] | None = None) -> list[Generation]:
    """The passes that made the saved picture, first to last; empty if no node of the graph samples.

    `size` is the picture's own, which tells two saving nodes apart.
    """
    if not any(_is_sampler(n) for n in graph.nodes.values()):
        return []
    saver, named = _saver(graph, size)
    try:
        spine = _spine(graph, saver)
    except Undecided as why:
        return [Generation(tool="ComfyUI", named=(*named, str(why)))]
    passes = [n for n in spine if _is_sampler(n)]
    if not passes:
        return [Generation(tool="ComfyUI", named=(*named, say("note.images.nothing_sampled_way",
                                                              saver_name=saver.name)))]
    made = [_generation(graph, node, spine) for node in passes]
    named += _rest(graph, saver, spine, passes)
    for later, node in zip(made[1:], passes[1:], strict=True):
        named.append(say("note.images.further_pass_left", node_name=node.name, summary=_summary(later)))
    return [replace(made[0], named=tuple(dict.fromkeys([*made[0].named, *named]))), *made[1:]]


def _is_sampler(node: Node) -> bool:
    """A known sampler, or a node that has what only a sampler has."""
    if node.kind in SAMPLERS:
        return True
    names = set(node.inputs)
    return bool(names & {"seed", "noise_seed", "noise"}) and "steps" in names and bool(
        names & {"sampler_name", "cfg"}) and bool(names & {"latent_image", "latent", "image", "optional_latent",
                                                           "samples", "pixels", "upscaled_image", "model", "pipe"})


def _saver(graph: Graph, size: tuple[int, int] | None) -> tuple[Node, list[str]]:
    """The node that saved the picture, and a sentence where it may have been another."""
    fed = {link.node for n in graph.nodes.values() for link in n.links().values()}
    ends = [n for n in graph.nodes.values() if n.id not in fed and n.links()]
    saving = [n for n in ends if n.kind in _SAVERS or "save" in n.kind.lower()] or (
        [n for n in ends if "preview" in n.kind.lower()]) or ends or list(graph.nodes.values())
    reached = [(n, _passes_of(graph, n)) for n in saving]
    reached = [(n, p) for n, p in reached if p] or reached
    if size is not None and len(reached) > 1:
        fitting = [(n, p) for n, p in reached if _ends_in(graph, n, size)]
        reached = fitting or reached
    if len({tuple(p) for _, p in reached}) > 1:
        told = ", ".join(n.name for n, _ in reached[:6])
        return reached[0][0], [say("note.images.several_nodes_saved", told=told,
                                   first_first_reached_name=reached[0][0].name)]
    return reached[0][0], []


def _passes_of(graph: Graph, node: Node) -> list[str]:
    try:
        return [n.id for n in _spine(graph, node) if _is_sampler(n)]
    except Undecided:
        return []


def _ends_in(graph: Graph, node: Node, size: tuple[int, int]) -> bool:
    """Whether the way to `node` begins with, or was enlarged to, pictures of this size."""
    for one in reversed(_spine(graph, node)):
        sides = (_plain(one, "width"), _plain(one, "height"))
        if all(sides) and one.kind in (*EMPTY, "LatentUpscale", "ImageScale"):
            return sides == size
    return False


def _plain(node: Node, name: str) -> int | None:
    return whole(node.inputs.get(name))


def _spine(graph: Graph, saver: Node) -> list[Node]:
    """The nodes through which the picture went, from its beginning to `saver`."""
    nodes = [saver]
    seen = {saver.id}
    for _ in range(MAX_HOPS):
        links = nodes[-1].links()
        name = next((n for n in _SPINE if n in links), None)
        if name is None and len(links) == 1 and not _is_sampler(nodes[-1]) and not _is_empty(nodes[-1]):
            name = next(iter(links))
        if name is None:
            return nodes[::-1]
        onward, _ = graph.origin(links[name])
        if onward.id in seen:
            raise Undecided(say("note.images.links_run_circle", onward_name=onward.name))
        seen.add(onward.id)
        nodes.append(onward)
    raise Undecided(say("note.images.picture_chain_no"))


def _is_empty(node: Node) -> bool:
    return node.kind in EMPTY or (node.kind.startswith("Empty") and "width" in node.inputs)


def _generation(graph: Graph, node: Node, spine: list[Node]) -> Generation:
    """One pass with its settings; what it needs and cannot be told is named."""
    one = Sampled(node)
    node.touched = True
    try:
        _settings(graph, one)
    except Undecided as why:
        one.named.append(str(why))
    if node.kind not in SAMPLERS:
        one.named.append(say("note.images.samples_ways_own", node_name=node.name))
    model = _part(lambda: model_of(graph, one.found.get("model")), GraphModel(), one)
    positive = _part(lambda: words_of(graph, one.found.get("positive")), Conditioning(), one)
    negative = _part(lambda: words_of(graph, one.found.get("negative")), Conditioning(), one)
    named = [*one.named, *model.named, *positive.named, *negative.named, *_unlike(positive, negative, one)]
    width, height, batch, started = _start(graph, node, spine, named)
    found, steps = one.found, whole(one.found.get("steps"))
    return Generation(
        tool="ComfyUI", prompt=positive.text[:MAX_TEXT], negative_prompt=negative.text[:MAX_TEXT],
        sampler=text_of(found.get("sampler_name") or ""), schedule=text_of(found.get("scheduler") or ""),
        seed=whole(found.get("seed")), steps=steps, guidance=number(found.get("cfg")), width_px=width,
        height_px=height, strength=number(found.get("denoise")), start_image=started,
        first_step=_from_step(found), last_step=_to_step(found, steps), added_noise=found.get("add_noise", True),
        clip_skip=positive.clip_skip, rescale=model.rescale, distilled_guidance=positive.distilled,
        batch_size=batch, model_name=model.name,
        adapters=_adapters(model, positive), named=tuple(dict.fromkeys(named)))


def _part(read: Any, empty: Any, one: Sampled) -> Any:
    try:
        return read()
    except Undecided as why:
        one.named.append(str(why))
        return empty


def _from_step(found: dict[str, Any]) -> int | None:
    first = whole(found.get("start_at_step"))
    return first or None


def _to_step(found: dict[str, Any], steps: int | None) -> int | None:
    last = whole(found.get("end_at_step"))
    return None if last is None or steps is None or last >= steps else last


def _adapters(model: GraphModel, words: Conditioning) -> tuple[AdapterClaim, ...]:
    """LoRAs on the model with their weight on the text encoder, then those that lie on the encoder alone."""
    names = [a.name for a in model.adapters]
    made = [replace(a, text_weight=words.loras.get(a.name, 0.0)) for a in model.adapters]
    return (*made, *(AdapterClaim(n, "lora", 0.0, w) for n, w in words.loras.items() if n not in names))


def _unlike(positive: Conditioning, negative: Conditioning, one: Sampled) -> list[str]:
    """Prompt and negative prompt encoded in different ways: no recipe holds both."""
    if not isinstance(one.found.get("negative"), Link):
        return []
    told = []
    if (positive.clip_skip or 1) != (negative.clip_skip or 1):
        told.append(say("note.images.negative_prompt_encoded", clip_skip=negative.clip_skip or 1,
                        positive_clip_skip_or=positive.clip_skip or 1))
    if positive.loras != negative.loras:
        told.append(say("note.images.negative_prompt_encoded_without") if not negative.loras else
                    say("note.images.prompt_negative_encoded"))
    return told


def _settings(graph: Graph, one: Sampled) -> None:
    """Seed, steps and the rest of a sampler into `one.found`, whichever node holds them."""
    node, found = one.node, one.found
    for name in ("model", "positive", "negative"):
        if name in node.inputs:
            found[name] = node.inputs[name]
            node.use(name)
    for key, names in {
        "seed": ("seed", "noise_seed"),
        "steps": ("steps",),
        "cfg": ("cfg",),
        "denoise": ("denoise",),
        "sampler_name": ("sampler_name",),
        "scheduler": ("scheduler",),
        "start_at_step": ("start_at_step",),
        "end_at_step": ("end_at_step",),
    }.items():
        if any(n in node.inputs for n in names):
            found[key] = got(graph, node, names, one.named)
    if "add_noise" in node.inputs:
        found["add_noise"] = got(graph, node, "add_noise", one.named) in ("enable", True)
    leftover = got(graph, node, "return_with_leftover_noise", one.named)
    last, steps = whole(found.get("end_at_step")), whole(found.get("steps"))
    if leftover == "enable" and last is not None and steps is not None and last < steps:
        one.named.append(say("note.images.handed_picture_noise", node_name=node.name))
    node.use("latent_image", "latent", "return_with_leftover_noise", *IDLE)
    _sigmas(graph, one)
    _sampler(graph, one)
    _noise(graph, one)
    _guider(graph, one)


def _sigmas(graph: Graph, one: Sampled) -> None:
    """A custom sampler's noise levels: which schedule, how many steps, where it was split."""
    link, found = one.node.inputs.get("sigmas"), one.found
    one.node.use("sigmas")
    for _ in range(MAX_HOPS if isinstance(link, Link) else 0):
        node, slot = graph.origin(link)
        node.touched = True
        link = node.inputs.get("sigmas")
        if node.kind == "SplitSigmas":
            step = whole(got(graph, node, "step", one.named))
            found["end_at_step" if slot == 0 else "start_at_step"] = step
        elif node.kind == "BasicScheduler":
            for name in ("scheduler", "steps", "denoise"):
                found[name] = got(graph, node, name, one.named)
            node.use("model")
            return
        elif "steps" in node.inputs:
            found["steps"] = got(graph, node, "steps", one.named)
            found["scheduler"] = node.kind.removesuffix("Scheduler").lower() or node.kind
            found.setdefault("denoise", got(graph, node, "denoise", one.named))
            named_whole(node, one.named, say("note.images.spaces_noise_levels"))
            return
        else:
            named_whole(node, one.named, say("note.images.changes_noise_levels"))
        if not isinstance(link, Link):
            return


def _sampler(graph: Graph, one: Sampled) -> None:
    node = graph.node(one.node.inputs.get("sampler"))
    one.node.use("sampler")
    if node is None:
        return
    node.touched = True
    if "sampler_name" in node.inputs:
        one.found["sampler_name"] = got(graph, node, "sampler_name", one.named)
    else:
        one.found["sampler_name"] = node.kind.removeprefix("Sampler").lower()
        named_whole(node, one.named, say("note.images.sampler_settings_own"))


def _noise(graph: Graph, one: Sampled) -> None:
    node = graph.node(one.node.inputs.get("noise"))
    one.node.use("noise")
    if node is None:
        return
    node.touched = True
    if node.kind == "DisableNoise":
        one.found["add_noise"] = False
    elif "noise_seed" in node.inputs or "seed" in node.inputs:
        one.found["seed"] = got(graph, node, ("noise_seed", "seed"), one.named)
        if node.kind != "RandomNoise":
            named_whole(node, one.named, say("note.images.draws_noise_own"))
    else:
        named_whole(node, one.named, say("note.images.draws_noise_own"))


def _guider(graph: Graph, one: Sampled) -> None:
    node = graph.node(one.node.inputs.get("guider"))
    one.node.use("guider")
    if node is None:
        return
    node.touched = True
    one.found["model"] = node.inputs.get("model")
    if node.kind == "BasicGuider":
        one.found |= {"positive": node.inputs.get("conditioning"), "cfg": 1.0}
        node.use("model", "conditioning")
        return
    one.found |= {"positive": node.inputs.get("positive"), "negative": node.inputs.get("negative"),
                  "cfg": got(graph, node, "cfg", one.named)}
    node.use("model", "positive", "negative")
    if node.kind != "CFGGuider":
        named_whole(node, one.named, say("note.images.guides_own_way"))


def _start(graph: Graph, sampler: Node, spine: list[Node],
           named: list[str]) -> tuple[int | None, int | None, int | None, bool | None]:
    """(width, height, batch, whether from a picture) of what went into a sampler."""
    before = spine[:spine.index(sampler)]
    if any(_is_sampler(n) for n in before):
        return None, None, None, True
    width = height = batch = None
    started: bool | None = None
    for node in reversed(before):
        node.touched = True
        if _is_empty(node):
            width, height = (whole(got(graph, node, n, named)) for n in ("width", "height"))
            batch = whole(got(graph, node, "batch_size", named))
            started = False
        elif node.kind in PICTURES or "loadimage" in node.kind.lower().replace(" ", ""):
            node.use(*node.inputs)
            started = True
        elif node.kind == "VAEEncode":
            node.use("pixels", "vae")
            started = True
        else:
            named_whole(node, named, say("note.images.acts_sampler_begins"))
    if not before or started is None:
        named.append(say("note.images.began_not_known", sampler_name=sampler.name))
    return width, height, batch, started


def _summary(made: Generation) -> str:
    parts = {"seed": made.seed, "steps": made.steps, "sampler": made.sampler, "schedule": made.schedule,
             "guidance": made.guidance, "denoise": made.strength, "from step": made.first_step}
    return ", ".join(f"{k} {v}" for k, v in parts.items() if v not in (None, ""))


def _rest(graph: Graph, saver: Node, spine: list[Node], passes: list[Node]) -> list[str]:
    """Named by default: every node that the picture came from and every value that nothing above has used."""
    named: list[str] = []
    for node in spine[spine.index(passes[0]) + 1:]:
        if not node.touched and node.kind not in HARMLESS and node is not saver and not _is_sampler(node):
            named_whole(node, named, say("note.images.acts_picture_after"))
    for node in graph.upstream(saver):
        passive = node.kind in HARMLESS or (node.kind == "VAEEncode" and node in spine)
        if passive or node is saver or (node.kind in VALUES and not node.touched):  # a value that nothing took
            continue
        if not node.touched:
            named_whole(node, named, say("note.images.not_part_replay"))
            continue
        left = {k: v for k, v in node.inputs.items() if k not in node.used and k not in IDLE
                and not isinstance(v, Link) and v not in (None, "", [], {})}
        if left:
            values = ", ".join(f"{k} {text_of(v, 80)}" for k, v in left.items())
            named.append(f"{node.name}: {values[:400]}")
    return named
