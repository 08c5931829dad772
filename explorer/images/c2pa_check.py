"""The state of a file's C2PA manifest, in five kept-apart words; runs only inside the sandbox process.

"valid": intact and signed by someone on the given trust list. "untrusted": intact, signer not on it.
"invalid": changed after signing, or broken. "absent": no manifest. "not checked": we could not look.
Nothing is fetched: a manifest that lives on a server counts as not checked. Library: c2pa-python.
"""

from __future__ import annotations

import io
import json
from typing import Any

from explorer.texts import say

_MIME = {"PNG": "image/png", "JPEG": "image/jpeg", "WebP": "image/webp", "GIF": "image/gif",
         "TIFF": "image/tiff", "AVIF": "image/avif"}
STATES = ("absent", "valid", "untrusted", "invalid", "not checked")
_MAX_MANIFEST = 200_000


def check_c2pa(data: bytes, kind: str, *, trust_anchors_pem: str = "") -> dict[str, Any]:
    """{"state", "reason", "signer", "generator", "manifest"}; `manifest` is the store as JSON text."""
    if kind not in _MIME:
        return _result("absent", say("note.images.files_carry_no", kind=kind))
    try:
        import c2pa
    except Exception:  # the package or its native part is missing on this machine
        return _result("not checked", say("note.images.c2pa_reader_not"))
    try:
        text = _read(c2pa, data, _MIME[kind], trust_anchors_pem)
    except Exception as error:
        return _failed(error)
    return _judged(text)


def _read(c2pa: Any, data: bytes, mime: str, anchors: str) -> str:
    trust = {"verify_trust_list": True, **({"trust_anchors": anchors} if anchors else {})}
    settings = c2pa.Settings.from_dict({
        "trust": trust,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}})
    context = c2pa.Context(settings)
    with c2pa.Reader(mime, io.BytesIO(data), context=context) as reader:
        return reader.json()


def _failed(error: Exception) -> dict[str, Any]:
    words = f"{type(error).__name__} {error}"
    if "ManifestNotFound" in words or "no JUMBF data found" in words:
        return _result("absent", say("note.images.file_carries_no"))
    if "Remote" in words or "remote" in words:
        return _result("not checked", say("note.images.manifest_lives_server"))
    if any(w in words for w in ("NotSupported", "Io", "OutOfMemory")):
        return _result("not checked", str(error)[:300])
    return _result("invalid", say("note.images.manifest_cannot_read", error=str(error)[:300]))


def _judged(text: str) -> dict[str, Any]:
    store = json.loads(text)
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = active.get("signature_info", {})
    verdict = str(store.get("validation_state", ""))
    codes = sorted({str(s.get("code")) for s in store.get("validation_status", [])})
    state = {"Trusted": "valid", "Valid": "untrusted", "Invalid": "invalid"}.get(verdict, "not checked")
    reason = say(f"note.c2pa.{state.replace(' ', '_')}")
    claim = active.get("claim_generator") or str(active.get("claim_generator_info", ""))
    return _result(state, reason + (f" ({', '.join(codes)})" if codes else ""),
                   signer=str(signature.get("issuer", "") or signature.get("common_name", "")),
                   generator=str(claim)[:300], manifest=text[:_MAX_MANIFEST])


def _result(state: str, reason: str, *, signer: str = "", generator: str = "",
            manifest: str = "") -> dict[str, Any]:
    return {"state": state, "reason": reason, "signer": signer, "generator": generator, "manifest": manifest}
