"""What an uploaded file says of itself, raw and parsed; read in the sandbox process, altered nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from explorer.errors import ExplorerError
from explorer.images.formats import check_kind
from explorer.images.sandbox import Sandbox, SandboxFailure, shared_sandbox
from explorer.images.settings.claims import AdapterClaim, Generation
from explorer.records import from_json
from explorer.texts import say


@dataclass(frozen=True)
class RawBlock:
    """One block of a file as it stands: `text` is cut where `cut` says so (`size_bytes` is the whole)."""

    name: str
    text: str
    size_bytes: int
    cut: bool = False


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
    """Raw blocks, generators' settings, EXIF, XMP and the C2PA state of a file.

    ExplorerError for a file that the image door refuses by kind or size. A block that breaks a parser
    is left unparsed, with a note; it never raises.
    """
    check_kind(data)
    try:
        header, _ = (sandbox or shared_sandbox()).call({"op": "metadata"}, data)
    except SandboxFailure as failure:
        why = say(f"note.sandbox.reading_{failure.reason}")
        return Embedded(notes=(say("note.images.reading_embedded_data", why=why),),
                        c2pa=C2paState("not checked", say("note.images.reading_embedded_data_2", why=why)))
    except ExplorerError:
        return Embedded(notes=(say("note.images.embedded_data_cannot"),))
    return _embedded(header["parsed"])


def _embedded(parsed: dict[str, Any]) -> Embedded:
    raw = tuple(RawBlock(str(b["name"]), str(b["text"]), int(b["bytes"]), bool(b["cut"]))
                for b in parsed.get("raw", ()))
    source = parsed.get("xmp_fields", {}).get("DigitalSourceType", "")
    notes = []
    if "AlgorithmicMedia" in source:
        notes.append(say("note.images.file_says_generator", last_source=source.rsplit("/")[-1]))
    if any(b.name.startswith("bytes after") for b in raw):
        notes.append(say("note.images.bytes_follow_end"))
    return Embedded(raw=raw, generation=tuple(from_json(Generation, g) for g in parsed.get("generation", ())),
                    exif=parsed.get("exif", {}), xmp=parsed.get("xmp", ""),
                    xmp_fields=parsed.get("xmp_fields", {}), notes=tuple(notes),
                    c2pa=C2paState(**parsed.get("c2pa", {"state": "not checked"})))


__all__ = ["AdapterClaim", "C2paState", "Embedded", "Generation", "RawBlock", "read_metadata"]
