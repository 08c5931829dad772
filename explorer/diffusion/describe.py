"""What a model is, read from its configs: no weight is loaded and no torch imported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from explorer.diffusion.adapter_files import parse_source
from explorer.diffusion.declared import prediction_told
from explorer.diffusion.fingerprint import file_hashes, fingerprint_with, model_fingerprint
from explorer.diffusion.locate import Located, locate
from explorer.diffusion.names import GUIDANCE_RANGE, STEPS_RANGE
from explorer.diffusion.published import CONFIGS
from explorer.diffusion.shapes import shape_of
from explorer.errors import ExplorerError
from explorer.foreign.reading import read_json, read_table
from explorer.records import ModelInfo, ModelRef
from explorer.records.families import facts
from explorer.texts import say

CARD = {"name": ((str,), 1, 200), "licence": ((str,), 0, 500), "default_size_px": ((int,), 8, 8192),
        "default_steps": ((int,), *STEPS_RANGE), "default_guidance": ((int, float), *GUIDANCE_RANGE)}
LICENCES = {"sd1": "CreativeML Open RAIL-M", "sd2": "CreativeML Open RAIL++-M", "sdxl": "CreativeML Open RAIL++-M"}


def describe_model(source: str, *, home: Path | None = None) -> ModelInfo:
    """ModelInfo of "world", a folder, a single file or a downloaded hub id, with adapters or without.

    Reads every file once for its SHA-256 (cached in the workspace `home`). ExplorerError as `locate` and
    `parse_source`.
    """
    base, files = parse_source(source)
    info = describe(locate(base, home=home), home=home)
    if not files:
        return info
    adapters = tuple(f.record() for f in files)
    told = tuple(f"{a.kind} {a.name}, weight {a.weight:g}" for a in adapters)
    return replace(info, source=source, fingerprint=fingerprint_with(info.fingerprint, adapters),
                   size_bytes=info.size_bytes + sum(f.path.stat().st_size for f in files),
                   notes=info.notes + told, adapters=adapters)


def model_ref(source: str, *, home: Path | None = None) -> ModelRef:
    """What recipes for this source name: its fingerprint, and its adapters with their weights."""
    info = describe_model(source, home=home)
    return ModelRef(info.source, info.fingerprint, info.family, info.adapters)


def describe(located: Located, *, home: Path | None = None) -> ModelInfo:
    """ModelInfo of files that were located before; see `describe_model`."""
    hashes = file_hashes(located, cache=home / "cache" / "fingerprints.json" if home else None)
    card = _card(located)
    usual = facts(located.family)
    return ModelInfo(
        source=located.source, name=card.get("name") or located.name, family=located.family,
        fingerprint=model_fingerprint(hashes | ({"predicts": located.predicts} if located.predicts else {})),
        licence=card.get("licence") or _licence(located),
        size_bytes=sum(path.stat().st_size for path in located.paths.values()),
        default_size_px=card.get("default_size_px") or _native_size(located),
        default_steps=card.get("default_steps") or usual.steps,
        default_guidance=float(card.get("default_guidance", usual.guidance)),
        notes=_notes(located))


def _card(located: Located) -> dict[str, Any]:
    """Defaults that a model's maker wrote beside model_index.json (the bundled world has them), checked."""
    path = located.root / "afterimage.json"
    if located.kind == "file" or not path.is_file():
        return {}
    card = read_json(path)
    for name, (kinds, least, most) in CARD.items():
        value = card.get(name)
        size = len(value) if isinstance(value, str) else value
        if value is not None and (type(value) not in kinds or not least <= size <= most):
            raise ExplorerError("diffusion.describe_defaults_absurd", path=path, value=repr(value), name=name,
                                least=least, most=most)
    return {k: v for k, v in card.items() if k not in ("name", "licence")} if located.network else card


def _native_size(located: Located) -> int:
    if located.predicts == "epsilon":  # Stable Diffusion 2 base
        return 512
    if located.kind == "file" or facts(located.family).flow or not facts(located.family).own_loop:
        return facts(located.family).size_px
    unet = read_json(located.root / "unet" / "config.json")
    vae = read_json(located.root / "vae" / "config.json")
    blocks = vae.get("block_out_channels") or vae.get("encoder_block_out_channels") or [0] * 4
    sample = unet.get("sample_size") or 64
    sample = sample[0] if isinstance(sample, list) else sample
    steps = len(blocks[:20]) - 1 if isinstance(blocks, list) else 0
    if type(sample) is not int or not steps >= 0 or not 0 < sample * 2 ** steps <= 8192:
        raise ExplorerError("diffusion.describe_no_size", root=located.root, sample=repr(sample))
    return sample * 2 ** steps


def _licence(located: Located) -> str:
    """From the model card's front matter, else the family's usual licence, else not known."""
    readme = located.root / "README.md"
    if located.kind == "network":
        return say("note.diffusion.licence_not_stated")
    if located.kind == "folder" and readme.is_file():
        with readme.open("rb") as text:
            top = text.read(1 << 16).decode("utf-8", errors="replace")
        for line in top.splitlines()[:40]:
            if line.startswith("license:"):
                return line.partition(":")[2].strip()[:200]
    if located.kind == "folder" or located.family not in LICENCES:
        return say("note.diffusion.licence_not_stated")
    return say("note.diffusion.licence_of_family", licence=LICENCES[located.family])


def _notes(located: Located) -> tuple[str, ...]:
    notes = []
    if not facts(located.family).own_loop:
        notes.append(say("note.diffusion.runs_through_diffusers"))
    if located.variant:
        notes.append(say("note.diffusion.only_weights_here", variant=located.variant))
    if located.network is not None:
        bits = shape_of(located).network_bits
        notes.append(say("note.diffusion.network_from_file", name=located.network.name, bits=bits,
                         other=located.root.name))
    if located.predicts:
        notes.append(say("note.diffusion.prediction_by_person", kind=located.predicts.replace("_", "-")))
    elif located.kind == "file" and located.family in CONFIGS:
        told, by = prediction_told(read_table(located.single_file), located.single_file)
        usual = CONFIGS[located.family]["scheduler"].get("prediction_type", "epsilon")
        notes.append(say(f"note.diffusion.prediction_by_{by or 'family'}", kind=(told or usual).replace("_", "-")))
    return tuple(notes)
