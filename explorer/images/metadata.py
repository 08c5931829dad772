"""What an uploaded file says of itself, raw and parsed; read in the sandbox process, altered nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from explorer.errors import ExplorerError
from explorer.images.formats import check_kind
from explorer.images.sandbox import Sandbox, SandboxFailure, shared_sandbox


@dataclass(frozen=True)
class RawBlock:
    """One block of a file as it stands: `text` is cut where `cut` says so (`size_bytes` is the whole)."""

    name: str
    text: str
    size_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class Generation:
    """Settings of one sampling pass as a generator wrote them; None where it wrote nothing readable."""

    tool: str  # "AUTOMATIC1111", "ComfyUI", "InvokeAI", "NovelAI", "Fooocus", "Unknown"
    prompt: str = ""
    negative_prompt: str = ""
    sampler: str = ""
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    strength: float | None = None
    subseed: int | None = None
    subseed_strength: float | None = None
    clip_skip: int | None = None
    model_name: str = ""
    model_hash: str = ""
    other: dict[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """What was written, by field; without the tool and without `other`."""
        return {k: v for k, v in vars(self).items() if v not in (None, "", {}) and k not in ("tool", "other")}


@dataclass(frozen=True)
class C2paState:
    """C2PA manifest: "absent", "valid", "untrusted", "invalid" or "not checked", and why."""

    state: str
    reason: str = ""
    signer: str = ""
    generator: str = ""
    manifest: str = ""  # JSON text as the reader gives it


@dataclass(frozen=True)
class Embedded:
    """All that a file says of itself. Every part is a claim of whoever wrote the file."""

    raw: tuple[RawBlock, ...] = ()
    generation: tuple[Generation, ...] = ()
    exif: dict[str, str] = field(default_factory=dict)
    xmp: str = ""
    xmp_fields: dict[str, str] = field(default_factory=dict)
    c2pa: C2paState = field(default_factory=lambda: C2paState("not checked"))
    notes: tuple[str, ...] = ()


def read_metadata(data: bytes, *, sandbox: Sandbox | None = None) -> Embedded:
    """Raw blocks, A1111, ComfyUI and InvokeAI settings, EXIF, XMP and the C2PA state of a file.

    ExplorerError for a file that the image door refuses by kind or size. A block that breaks a parser
    is left unparsed, with a note; it never raises.
    """
    check_kind(data)
    try:
        header, _ = (sandbox or shared_sandbox()).call({"op": "metadata"}, data)
    except SandboxFailure as failure:
        why = {"time": "took too long", "memory": "needed too much memory"}.get(failure.reason, "failed")
        return Embedded(notes=(f"Reading the embedded data {why}; nothing of it is shown.",),
                        c2pa=C2paState("not checked", f"reading the embedded data {why}"))
    except ExplorerError:
        return Embedded(notes=("The embedded data cannot be read.",))
    return _embedded(header["parsed"])


def _embedded(parsed: dict[str, Any]) -> Embedded:
    raw = tuple(RawBlock(str(b["name"]), str(b["text"]), int(b["bytes"]), bool(b["cut"]))
                for b in parsed.get("raw", ()))
    source = parsed.get("xmp_fields", {}).get("DigitalSourceType", "")
    notes = []
    if "AlgorithmicMedia" in source:
        notes.append("The file says that a generator made it "
                     f"(digital source type {source.rsplit('/')[-1]}).")
    if any(b.name.startswith("bytes after") for b in raw):
        notes.append("Bytes follow the end of the picture; no picture programme shows them.")
    return Embedded(raw=raw, generation=tuple(_generation(g) for g in parsed.get("generation", ())),
                    exif=parsed.get("exif", {}), xmp=parsed.get("xmp", ""),
                    xmp_fields=parsed.get("xmp_fields", {}), notes=tuple(notes),
                    c2pa=C2paState(**parsed.get("c2pa", {"state": "not checked"})))


def _generation(found: dict[str, Any]) -> Generation:
    """The generators' many key spellings in our names; the rest stays readable under `other`."""
    other = {_plain(k): v for k, v in found["other"].items()}
    size = re.fullmatch(r"(\d{1,5})\s*x\s*(\d{1,5})", other.get("size", ""))
    return Generation(
        tool=found["tool"], prompt=found["prompt"], negative_prompt=found["negative_prompt"],
        sampler=found["sampler"], seed=_whole(other, "seed", "noise_seed"), steps=_whole(other, "steps"),
        guidance=_number(other, "cfg_scale", "cfg", "guidance"),
        width_px=int(size[1]) if size else _whole(other, "width"),
        height_px=int(size[2]) if size else _whole(other, "height"),
        strength=_number(other, "denoising_strength", "denoise", "strength"),
        subseed=_whole(other, "variation_seed"), clip_skip=_whole(other, "clip_skip"),
        subseed_strength=_number(other, "variation_seed_strength"),
        model_name=found["model_name"], model_hash=found["model_hash"], other=found["other"])


def _plain(key: str) -> str:
    return key.strip().lower().replace(" ", "_").replace("-", "_")


def _number(values: dict[str, str], *names: str) -> float | None:
    for name in names:
        match = re.fullmatch(r"\s*(-?\d{1,25}(\.\d{1,12})?)\s*", values.get(name, ""))
        if match:
            return float(match[1])
    return None


def _whole(values: dict[str, str], *names: str) -> int | None:
    for name in names:
        match = re.fullmatch(r"\s*(-?\d{1,20})\s*", values.get(name, ""))
        if match:
            return int(match[1])
    return None
