"""ComfyUI graphs with their truth: random chains of the node kinds that people use, in either form."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from explorer.images.settings.claims import Generation
from explorer.images.settings.comfy import from_graph
from explorer.images.settings.comfy_graph import read_graph
from tests.benchmarks.field_lines import words

SAMPLER_NAMES = ("euler", "euler_ancestral", "dpmpp_2m", "dpmpp_2m_sde_gpu", "ddim", "uni_pc", "lcm", "heun")
SCHEDULE_NAMES = ("normal", "karras", "simple", "sgm_uniform", "beta", "exponential", "ddim_uniform")
AFTER = ("fixed", "increment", "randomize")


@dataclass
class Truth:
    """One pass: fields of a Generation, and words that must be named with it."""

    fields: dict[str, Any]
    named: list[str] = field(default_factory=list)


@dataclass
class Made:
    """A graph as text, in either form, with the truth of each pass, first to last."""

    text: str
    form: str  # "prompt" | "workflow" | "subgraph"
    passes: list[Truth]


class Builder:
    """Puts a graph together node by node, with ids in no order."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.nodes = dice, {}
        self._ids = dice.sample(range(1, 900), 200)

    def add(self, kind: str, **inputs: Any) -> list[Any]:
        """A node; a link to its first output."""
        number = str(self._ids.pop())
        self.nodes[number] = {"class_type": kind, "inputs": inputs}
        return [number, 0]

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    def value(self, value: Any) -> Any:
        """The value itself, or a link to a node that holds it, behind a reroute now and then."""
        if not self.maybe(0.25):
            return value
        if isinstance(value, str):
            half = len(value) // 2
            if self.maybe(0.3) and value:
                link = self.add("StringConcatenate", string_a=value[:half], string_b=value[half:], delimiter="")
            else:
                link = self.add(self.dice.choice(("PrimitiveStringMultiline", "PrimitiveString")), value=value)
        elif isinstance(value, float):
            link = self.add("PrimitiveFloat", value=value)
        else:
            link = self.add("Seed (rgthree)", seed=value) if value > 1000 else self.add("PrimitiveInt", value=value)
        return self.passed(link)

    def passed(self, link: list[Any]) -> list[Any]:
        """The link, or one through a reroute or a switch that is decided."""
        if self.maybe(0.12):
            return self.add("Reroute", **{"": link})
        if self.maybe(0.12):
            decoy = self.add("PrimitiveInt", value=1)
            first = self.maybe(0.5)
            branches = {"input1": link, "input2": decoy} if first else {"input1": decoy, "input2": link}
            return self.add("ImpactSwitch", select=1 if first else 2, sel_mode=False, **branches)
        return link


def graph(dice: random.Random) -> Made:
    """One graph of one to three passes, with a branch beside it that saved another picture."""
    made = Builder(dice)
    passes: list[Truth] = []
    loader, name = _loader(made)
    latent, start = _start(made)
    for number in range(dice.choice((1, 1, 1, 2, 2, 3))):
        if number:
            latent, acts = _between(made, latent, loader)
            passes[0].named.append(acts)
        latent, truth = _pass(made, loader, name, latent, start if number == 0 else None)
        if number:
            passes[0].named.append("further pass")
        passes.append(truth)
    saved = made.add("VAEDecode", samples=latent, vae=[loader[0], 2])
    made.add("SaveImage", filename_prefix="x", images=saved)
    if made.maybe(0.5):
        _decoy(made, loader)
    return _formed(made, passes)


def _loader(made: Builder) -> tuple[list[Any], str]:
    name = made.dice.choice(("v1-5.safetensors", "SDXL/dream.safetensors", "mix, new.safetensors"))
    return made.add("CheckpointLoaderSimple", ckpt_name=name), name


def _start(made: Builder) -> tuple[list[Any], dict[str, Any]]:
    if made.maybe(0.2):
        picture = made.add("LoadImage", image="start.png", upload="image")
        return made.add("VAEEncode", pixels=picture, vae=["0", 2]), {"start_image": True}
    width, height = (8 * made.dice.randint(32, 200) for _ in range(2))
    kind = made.dice.choice(("EmptyLatentImage", "EmptySD3LatentImage"))
    link = made.add(kind, width=made.value(width), height=made.value(height), batch_size=1)
    return link, {"start_image": False, "width_px": width, "height_px": height}


def _between(made: Builder, latent: list[Any], loader: list[Any]) -> tuple[list[Any], str]:
    if made.maybe(0.5):
        return made.add(
            "LatentUpscaleBy", samples=latent, upscale_method="nearest-exact", scale_by=1.5
        ), "LatentUpscaleBy"
    picture = made.add("VAEDecode", samples=latent, vae=[loader[0], 2])
    large = made.add("ImageScaleBy", image=picture, upscale_method="lanczos", scale_by=2.0)
    return made.add("VAEEncode", pixels=large, vae=[loader[0], 2]), "ImageScaleBy"


def _pass(made: Builder, loader: list[Any], name: str, latent: list[Any],
          start: dict[str, Any] | None) -> tuple[list[Any], Truth]:
    dice = made.dice
    truth = Truth({"model_name": name} | (start or {}))
    model, clip = _adapted(made, loader, truth)
    positive, told = _words(made, clip, truth, "prompt"), len(truth.named)
    negative = _words(made, clip, truth, "negative_prompt")
    common_named = truth.named[told:]  # of the negative prompt, which a basic guider does not take
    seed, steps = dice.randrange(2 ** dice.choice((20, 40, 63))), dice.randint(4, 60)
    cfg, denoise = round(dice.uniform(1.5, 12), 2), 1.0 if start else round(dice.uniform(0.2, 0.9), 2)
    sampler, schedule = dice.choice(SAMPLER_NAMES), dice.choice(SCHEDULE_NAMES)
    truth.fields |= {"seed": seed, "steps": steps, "sampler": sampler, "schedule": schedule, "guidance": cfg}
    kind = dice.choice(("KSampler", "KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced"))
    common = {"model": model, "positive": positive, "negative": negative, "latent_image": made.passed(latent)}
    if kind == "KSampler":
        truth.fields["strength"] = denoise
        return made.add(
            kind,
            seed=made.value(seed),
            steps=made.value(steps),
            cfg=made.value(cfg),
            sampler_name=sampler,
            scheduler=schedule,
            denoise=denoise,
            **common,
        ), truth
    if kind == "KSamplerAdvanced":
        return _advanced(made, truth, seed, steps, cfg, common), truth
    link = _custom(made, kind, truth, seed, steps, cfg, denoise, common)
    if truth.fields["negative_prompt"] == "" and common_named:
        del truth.named[told:]
    return link, truth


def _advanced(made: Builder, truth: Truth, seed: int, steps: int, cfg: float, common: dict[str, Any]) -> list[Any]:
    dice = made.dice
    first = dice.choice((0, 0, dice.randrange(steps)))
    last = dice.choice((10000, steps, min(steps - 1, first + 2)))
    adds = dice.choice(("enable", "enable", "disable"))
    truth.fields |= {"first_step": first or None, "last_step": last if last < steps else None,
                     "added_noise": adds == "enable"}
    return made.add("KSamplerAdvanced", add_noise=adds, noise_seed=made.value(seed), steps=made.value(steps),
                    cfg=made.value(cfg), sampler_name=truth.fields["sampler"], scheduler=truth.fields["schedule"],
                    start_at_step=first, end_at_step=last, return_with_leftover_noise="disable", **common)


def _custom(made: Builder, kind: str, truth: Truth, seed: int, steps: int, cfg: float, denoise: float,
            common: dict[str, Any]) -> list[Any]:
    truth.fields["strength"] = denoise
    sigmas = made.add(
        "BasicScheduler",
        scheduler=truth.fields["schedule"],
        steps=made.value(steps),
        denoise=denoise,
        model=common["model"],
    )
    select = made.add("KSamplerSelect", sampler_name=truth.fields["sampler"])
    if kind == "SamplerCustom":
        return made.add(kind, add_noise=True, noise_seed=made.value(seed), cfg=made.value(cfg), sampler=select,
                        sigmas=sigmas, **common)
    noise = made.add("RandomNoise", noise_seed=made.value(seed))
    if made.maybe(0.4):
        truth.fields |= {"guidance": 1.0, "negative_prompt": ""}
        positive = common["positive"]
        if made.maybe(0.6):
            truth.fields["distilled_guidance"] = 3.5
            positive = made.add("FluxGuidance", guidance=3.5, conditioning=positive)
        guider = made.add("BasicGuider", model=common["model"], conditioning=positive)
    else:
        guider = made.add("CFGGuider", model=common["model"], positive=common["positive"],
                          negative=common["negative"], cfg=made.value(cfg))
    return made.add(kind, noise=noise, guider=guider, sampler=select, sigmas=sigmas,
                    latent_image=common["latent_image"])


def _adapted(made: Builder, loader: list[Any], truth: Truth) -> tuple[list[Any], list[Any]]:
    """LoRAs in a chain on model and text encoder, patches that must be named, layers skipped."""
    model, clip, adapters = loader, [loader[0], 1], []
    for number in range(made.dice.choice((0, 0, 1, 2, 3))):
        name, weight = f"lora{number}.safetensors", round(made.dice.uniform(-1, 1.5), 2)
        text = round(made.dice.uniform(0, 1), 2)
        kind = made.dice.choice(("LoraLoader", "LoraLoaderModelOnly", "Power Lora Loader (rgthree)"))
        if kind == "LoraLoader":
            node = made.add(kind, lora_name=name, strength_model=weight, strength_clip=text, model=model, clip=clip)
            model, clip = node, [node[0], 1]
        elif kind == "LoraLoaderModelOnly":
            model, text = made.add(kind, lora_name=name, strength_model=weight, model=model), 0.0
        else:
            node = made.add(kind, lora_1={"on": True, "lora": name, "strength": weight}, lora_2={
                "on": False, "lora": "off.safetensors", "strength": 1.0}, model=model, clip=clip)
            model, clip, text = node, [node[0], 1], weight
        adapters.append((name, weight, text))
    truth.fields["adapters"] = adapters
    if made.maybe(0.2):
        model = made.add("FreeU_V2", b1=1.3, b2=1.4, s1=0.9, s2=0.2, model=model)
        truth.named.append("FreeU_V2")
    if made.maybe(0.2):
        model = made.add("RescaleCFG", multiplier=0.7, model=model)
        truth.fields["rescale"] = 0.7
    if made.maybe(0.3):
        layer = made.dice.choice((-1, -2, -3))
        clip = made.add("CLIPSetLastLayer", stop_at_clip_layer=layer, clip=clip)
        truth.fields["clip_skip"] = -layer
    return made.passed(model), clip


def _words(made: Builder, clip: list[Any], truth: Truth, slot: str) -> list[Any]:
    text = words(made.dice, 4)
    truth.fields[slot] = text
    link = made.add("CLIPTextEncode", text=made.value(text), clip=clip)
    if made.maybe(0.12):
        link = made.add("ConditioningSetArea", width=256, height=256, x=0, y=0, strength=1.0, conditioning=link)
        truth.named.append("ConditioningSetArea")
    if made.maybe(0.12):
        other = made.add("CLIPTextEncode", text="a second prompt", clip=clip)
        link = made.add("ConditioningCombine", conditioning_1=link, conditioning_2=other)
        truth.named.append("a second prompt")
    if slot == "prompt" and made.maybe(0.12):
        net, picture = made.add("ControlNetLoader", control_net_name="canny.safetensors"), made.add(
            "LoadImage", image="edge.png", upload="image")
        link = made.add("ControlNetApply", strength=0.9, conditioning=link, control_net=net, image=picture)
        truth.named.append("ControlNetApply")
    return made.passed(link)


def _decoy(made: Builder, loader: list[Any]) -> None:
    """A sampler of another branch, shown and not saved: nothing of it may be taken."""
    text = made.add("CLIPTextEncode", text="the other branch", clip=[loader[0], 1])
    empty = made.add("EmptyLatentImage", width=64, height=64, batch_size=1)
    other = made.add("KSampler", seed=1, steps=1, cfg=1.0, sampler_name="euler", scheduler="normal", denoise=1.0,
                     model=loader, positive=text, negative=text, latent_image=empty)
    decoded = made.add("VAEDecode", samples=other, vae=[loader[0], 2])
    if made.maybe(0.5):
        made.add("PreviewImage", images=decoded)


def _formed(made: Builder, passes: list[Truth]) -> Made:
    nodes = made.nodes
    ids = list(nodes)
    made.dice.shuffle(ids)
    for node in nodes.values():  # an encoder whose autoencoder is that of a loader
        for key, value in node["inputs"].items():
            if value == ["0", 2]:
                node["inputs"][key] = [
                    next(i for i in ids if nodes[i]["class_type"] == "CheckpointLoaderSimple"),
                    2,
                ]
    shuffled = {i: nodes[i] for i in ids}
    form = made.dice.choice(("prompt", "prompt", "workflow", "subgraph"))
    if form == "prompt":
        return Made(json.dumps(shuffled), form, passes)
    flow = workflow(shuffled, made.dice)
    return Made(json.dumps(in_subgraph(flow, made.dice) if form == "subgraph" else flow), form, passes)


def workflow(nodes: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The editor's form of an API graph: links by number, values by position."""
    links, made, outputs = [], [], {}
    for number, node in nodes.items():
        inputs, values = [], []
        for key, value in node["inputs"].items():
            if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):
                link = [len(links) + 1, int(value[0]), value[1], int(number), len(inputs), "*"]
                inputs.append({"name": key, "type": "*", "link": link[0]})
                outputs.setdefault(value[0], set()).add(value[1])
                links.append(link)
                if key not in (
                    "",
                    "model",
                    "clip",
                    "positive",
                    "negative",
                    "latent_image",
                    "vae",
                    "samples",
                    "pixels",
                    "image",
                    "images",
                    "sigmas",
                    "noise",
                    "guider",
                    "sampler",
                    "conditioning",
                    "control_net",
                    "conditioning_1",
                    "conditioning_2",
                    "input1",
                    "input2",
                ):
                    inputs[-1]["widget"] = {"name": key}
                    values.append(None)
            else:
                inputs.append({"name": key, "type": "*", "widget": {"name": key}, "link": None})
                values.append(value)
                values += [dice.choice(AFTER)] if key in ("seed", "noise_seed") else []
        made.append({"id": int(number), "type": node["class_type"], "mode": 0, "inputs": inputs,
                     "widgets_values": values})
    for node in made:
        used = outputs.get(str(node["id"]), set())
        node["outputs"] = [{"name": "o", "type": "*"} for _ in range(max(used, default=0) + 1)]
    return {"nodes": made, "links": links, "version": 0.4}


def in_subgraph(flow: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """The same graph with all but the saving node inside a subgraph that hands one picture out."""
    saver = next(n for n in flow["nodes"] if n["type"] == "SaveImage")
    inner = [n for n in flow["nodes"] if n is not saver]
    into = next(link for link in flow["links"] if link[3] == saver["id"])
    links = [
        {"id": link[0], "origin_id": link[1], "origin_slot": link[2], "target_id": link[3], "target_slot": link[4]}
        for link in flow["links"]
        if link is not into
    ]
    links.append({"id": 9001, "origin_id": into[1], "origin_slot": into[2], "target_id": -20, "target_slot": 0})
    definition = {"id": "sub-1", "nodes": inner, "links": links, "inputs": [], "outputs": [{"name": "IMAGE"}]}
    outer = {"id": 901, "type": "sub-1", "mode": 0, "inputs": [], "outputs": [{"name": "IMAGE", "type": "IMAGE"}],
             "widgets_values": []}
    link = [9100, 901, 0, saver["id"], 0, "IMAGE"]
    saver = saver | {"inputs": [{"name": "images", "type": "IMAGE", "link": 9100}]}
    return {"nodes": [outer, saver], "links": [link], "definitions": {"subgraphs": [definition]}}


def wrong(one: Made) -> list[str]:
    """What of the truth came out otherwise without a sentence on it."""
    read = read_graph(one.text)
    passes = from_graph(read) if read is not None else []
    if len(passes) != len(one.passes):
        return [f"{len(passes)} passes of {len(one.passes)}"]
    found = []
    for number, (made, truth) in enumerate(zip(passes, one.passes, strict=True)):
        found += [f"pass {number}: {name}" for name, value in truth.fields.items() if not _same(made, name, value)]
        found += [f"pass {number}: {words} not named" for words in truth.named
                  if not any(words in part for p in (made, passes[0]) for part in p.named)]
    return found


def _same(made: Generation, name: str, value: Any) -> bool:
    if name == "adapters":
        return [(a.name, a.weight, a.text_weight) for a in made.adapters if a.weight or a.text_weight] == [
            v for v in value if v[1] or v[2]]
    return getattr(made, name) == value
