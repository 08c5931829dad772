"""Which program wrote a file's texts, and what they say: one `Generation` a sampling pass, the first pass first."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.images.settings import a1111, invoke, mapped
from explorer.images.settings.claims import MAX_KEYS, Generation
from explorer.images.settings.comfy import from_graph
from explorer.images.settings.comfy_graph import Graph, read_graph
from explorer.texts import say

_PREFIX = re.compile(r"\s*([A-Za-z][\w -]{0,30}?)\s*:\s*(?=[{\[])")
# Texts that say nothing of the settings.
_IDLE = set("""
software | creatortool | author | artist | copyright | creation time | date:create | date:modify |
date:timestamp | title | source | description | xml:com.adobe.xmp | fooocus_scheme | generation time | raw
profile type exif | raw profile type xmp | raw profile type iptc | workflow | invokeai_graph | invokeai_workflow
| comment | afterimage recipe | signature | sui_extra_data | usercomment | make | model | imagedescription |
parameters | prompt | jpeg comment | gif comment | dream | sd-metadata | invokeai_metadata | hidden in the
pixels | warning | url | disclaimer | xpcomment | generation_data
""".replace("\n", " ").strip().split(" | "))
_EASY = {"use_stable_diffusion_model", "stable diffusion model", "num_inference_steps"}


@dataclass(frozen=True)
class FileText:
    """One text of a file under the name that it stands by."""

    name: str
    text: str


def read_settings(items: Sequence[FileText], *, size: tuple[int, int] | None = None) -> list[Generation]:
    """The passes that the texts tell of; empty if none of them is settings. `size` is the picture's (w, h)."""
    items = [_unwrapped(i) for i in items]
    texts: dict[str, str] = {}
    for item in items:
        texts.setdefault(item.name, item.text)
    found = _found(items, texts, size)
    if not found:
        return []
    extra = {f"text “{i.name[:60]}”": i.text[:400] for i in items
             if i.name.lower() not in _IDLE and found[0].tool != "Easy Diffusion"}  # whose texts are its settings
    named = list(found[0].named)
    first = found[0]
    claimed = (first.width_px, first.height_px)
    if size is not None and None not in claimed and claimed != size:
        named.append(say("note.images.picture_px_settings", first_size=size[0], last_size=size[1],
                         first_claimed=claimed[0], last_claimed=claimed[1]))
    other = dict(list((first.other | extra).items())[:MAX_KEYS + 20])
    return [replace(first, other=other, named=tuple(dict.fromkeys(named))), *found[1:]]


def _unwrapped(item: FileText) -> FileText:
    """"Workflow: {…}" in an EXIF field, as ComfyUI's savers write it, under the name that it gives itself."""
    match = _PREFIX.match(item.text[:200])
    if match and match[1].lower() in ("prompt", "workflow", "parameters", "extra_pnginfo", "generation_data"):
        return FileText(match[1].lower(), item.text[match.end():])
    return item


def _found(items: Sequence[FileText], texts: dict[str, str], size: tuple[int, int] | None) -> list[Generation]:
    from_line = _line(items, texts)
    graph = _graph(items)
    if graph is not None:
        passes = from_graph(graph, size=size)
        if passes and not _lacks(passes[0]):
            return [_with_line(passes[0], from_line), *passes[1:]]
        if passes and from_line is None:
            return passes
        if passes and from_line is not None:
            return [replace(from_line, tool="ComfyUI", named=(*from_line.named, *passes[0].named))]
    for read in (_invoke, _novelai, _objects, _easy):
        made = read(items, texts)
        if made is not None:
            return [made]
    return [] if from_line is None else [from_line]


def _lacks(made: Generation) -> bool:
    return made.seed is None or made.steps is None or not made.prompt


def _line(items: Sequence[FileText], texts: dict[str, str]) -> Generation | None:
    """A settings line of A1111's kind in any of the texts; a scheme chunk or software tells Fooocus'."""
    software = next((texts[n] for n in ("Software", "CreatorTool") if n in texts), "")
    fooocus = "fooocus_scheme" in texts or software.lower().startswith("fooocus")
    for item in sorted(items, key=lambda i: i.name != "parameters"):
        if "Steps:" in item.text and item.name != "workflow":
            draws = "draw things" in software.lower()
            made = a1111.from_text(item.text, tool="Fooocus" if fooocus else "Draw Things" if draws else "")
            if made is not None:
                return made
    return None


def _graph(items: Sequence[FileText]) -> Graph | None:
    """The graph that ran, else the editor's."""
    for wanted in ("prompt", "", "workflow"):
        for item in items:
            if (item.name.lower() == wanted or not wanted) and item.text.lstrip()[:1] == "{":
                graph = read_graph(_without_nan(item.text))
                if graph is not None and graph.nodes:
                    return graph
    return None


def _without_nan(text: str) -> str:
    """ComfyUI writes NaN, which Python's reader takes; `undefined` comes from web tools."""
    return text.replace(": undefined", ": null")


def _with_line(made: Generation, line: Generation | None) -> Generation:
    """What only a saver's settings line knows beside the graph: hashes; and a sentence where the two differ."""
    if line is None:
        return made
    hashes = {a.name: a.hash for a in line.adapters if a.hash}
    adapters = tuple(replace(a, hash=a.hash or hashes.get(a.name.rpartition(".")[0] or a.name, ""))
                     for a in made.adapters)
    differ = [k for k in ("seed", "steps", "guidance") if None not in (getattr(made, k), getattr(line, k))
              and getattr(made, k) != getattr(line, k)]
    named = [say("note.images.graph_settings_line", differ=", ".join(differ))] if differ else []
    return replace(made, model_hash=made.model_hash or line.model_hash, adapters=adapters,
                   named=(*made.named, *named))


def _invoke(items: Sequence[FileText], texts: dict[str, str]) -> Generation | None:
    for name, read in (("invokeai_metadata", invoke.from_metadata), ("sd-metadata", invoke.from_sd_metadata),
                       ("Dream", invoke.from_dream), ("dream", invoke.from_dream)):
        if name in texts:
            made = read(texts[name])
            if made is not None:
                return made
    return None


def _novelai(items: Sequence[FileText], texts: dict[str, str]) -> Generation | None:
    comment = mapped.named_json(texts.get("Comment", ""))
    if comment is None or not (texts.get("Software", "").startswith("NovelAI") or {"uc", "scale"} <= set(comment)):
        return None
    return mapped.from_novelai(comment, texts)


def _objects(items: Sequence[FileText], texts: dict[str, str]) -> Generation | None:
    """A JSON object that some program wrote, told by its keys."""
    for item in items:
        values = mapped.named_json(item.text) if item.text.lstrip()[:1] == "{" else None
        made = _object(values) if values else None
        if made is not None:
            return made
    return None


def _object(values: dict[str, Any]) -> Generation | None:
    keys = set(values)
    if "sui_image_params" in keys:
        return mapped.from_swarm(values)
    if {"positive_prompt", "app_version"} <= keys or {"positive_prompt", "scheduler"} <= keys:
        return invoke.from_metadata(json.dumps(values))
    if {"c", "seed"} <= keys:
        return mapped.from_draw_things(values)
    software = f"{values.get('software', '')}{values.get('metadata_scheme', '')}{values.get('version', '')}".lower()
    if (
        "fooocus" in software
        or {"base_model", "sampler", "prompt"} <= keys
        or {"Prompt", "base_model_name"} <= keys
    ):
        return mapped.from_fooocus({k.lower() if k in ("Prompt", "Negative", "Seed", "Steps") else k: v
                                    for k, v in values.items()})
    if keys & _EASY:
        return mapped.from_easy_diffusion(values)
    if {"prompt", "seed"} <= keys and keys & {"img_width", "img_height", "num_imgs", "is_inpaint", "ddim_steps"}:
        return mapped.from_diffusion_bee(values)
    if {"prompt", "seed"} <= keys and keys & {"steps", "num_inference_steps"} and not isinstance(
            values["prompt"], (dict, list)):
        return mapped.from_values("Unknown", values)
    return None


def _easy(items: Sequence[FileText], texts: dict[str, str]) -> Generation | None:
    """Easy Diffusion in PNG: a chunk a setting."""
    lower = {k.lower(): v for k, v in texts.items()}
    if not set(lower) & _EASY or not {"prompt", "seed"} <= set(lower):
        return None
    return mapped.from_easy_diffusion(lower)
