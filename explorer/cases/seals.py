"""Time stamps of an outside authority (RFC 3161): write a request, send it anywhere, attach the answer later.

Nothing here uses the network. A request names the SHA-256 of the tag manifest (whole package) or of a log
entry's hash (the plan before the first replay, or the last entry); the answer shows that it existed then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from explorer.cases.archive import write_archive
from explorer.cases.blobs import sha256
from explorer.cases.case import Case
from explorer.cases.faults import own_fault
from explorer.cases.package import SEALS, TAGS, Package
from explorer.errors import ExplorerError
from explorer.texts import say

ANSWER, LIST = f"{SEALS}answer.tsr", f"{SEALS}manifest-sha256.txt"


@dataclass(frozen=True)
class Seal:
    """A time stamp over the hash of one log entry. `answer_sha256` names the authority's answer, a blob."""

    id: str
    entry: int
    entry_hash: str
    time: str  # as the authority states it; checked only with its root certificate
    answer_sha256: str


@dataclass(frozen=True)
class Stamp:
    """What a time stamp says. `trusted`: its signature leads to one of the given root certificates."""

    time: str
    fits: bool  # it is over these very bytes
    trusted: bool
    why: str  # a sentence on what is missing; "" where nothing is


def request_for(message: bytes) -> bytes:
    """A time-stamp request (DER, SHA-256, certificates wanted) over a message; only its hash is in it."""
    import rfc3161_client as tsp
    builder = tsp.TimestampRequestBuilder().data(message).hash_algorithm(tsp.HashAlgorithm.SHA256)
    return builder.nonce(nonce=False).cert_request(cert_request=True).build().as_bytes()


def request_package(path: Path) -> bytes:
    """The request that seals a whole package: over its tag manifest."""
    with Package(path) as package:
        return request_for(package.read(TAGS))


def request_entry(case: Case, entry: int | None = None) -> tuple[int, bytes]:
    """The request that seals the log up to an entry (the last one without a number); its number with it."""
    wanted = case.head()[0] if entry is None else entry
    found = case.log(after=wanted - 1, limit=1)
    if not found or found[0].seq != wanted:
        raise ExplorerError("cases.seals_log_no_entry", wanted=wanted, first_head=case.head()[0])
    return wanted, request_for(found[0].hash.encode())


def attach_package(path: Path, answer: bytes, target: Path) -> str:
    """Writes the package with the authority's answer to `target`; returns its SHA-256.

    ExplorerError if the answer refuses, cannot be read, or is for other bytes.
    """
    with Package(path) as package:
        _must_fit(answer, package.read(TAGS))
        members = [(n, package.archive.read(n)) for n in package.archive.names
                   if not n.startswith(package.root + SEALS)]
        marks = f"{sha256(answer)}  {ANSWER}\n".encode()
        members += [(package.root + ANSWER, answer), (package.root + LIST, marks)]
        return write_archive(target, members)


def attach_entry(case: Case, entry: int, answer: bytes) -> Seal:
    """Writes the authority's answer for a log entry to the case, as a later entry of the log."""
    found = case.log(after=entry - 1, limit=1)
    if not found:
        raise ExplorerError("cases.seals_log_no_entry", wanted=entry, first_head=case.head()[0])
    stamp = _must_fit(answer, found[0].hash.encode())
    seal = Seal(f"{entry}-{sha256(answer)[:12]}", entry, found[0].hash, stamp.time, sha256(answer))
    case.commit(seal, blobs={seal.answer_sha256: answer})
    return seal


def read_stamp(answer: bytes, message: bytes, roots: Sequence[bytes] = ()) -> Stamp:
    """What an answer says of a message; `roots` are PEM certificates that are trusted.

    Raises for no bad answer; only where this computer runs out of memory.
    """
    import rfc3161_client as tsp
    try:
        response = tsp.decode_timestamp_response(answer)
        if response.status not in (0, 1):
            return Stamp("", False, False, say("note.cases.authority_refused_request"))
        info = response.tst_info
        time = info.gen_time.isoformat()
        algorithm = info.message_imprint.hash_algorithm.dotted_string
        fits = algorithm == "2.16.840.1.101.3.4.2.1" and info.message_imprint.message.hex() == sha256(message)
    except Exception as error:  # whatever the parser makes of foreign bytes
        if own_fault(error):
            raise
        return Stamp("", False, False, say("note.cases.time_stamp_cannot", error_kind=type(error).__name__))
    if not fits:
        return Stamp(time, False, False, say("note.cases.time_stamp_over"))
    if not roots:
        return Stamp(time, True, False, say("note.cases.no_root_certificate"))
    why = _untrusted(response, message, roots)
    return Stamp(time, True, not why, why)


def _untrusted(response: object, message: bytes, roots: Sequence[bytes]) -> str:
    """Why the stamp's signature does not lead to a trusted root; "" if it does."""
    import rfc3161_client as tsp
    from cryptography import x509
    problems = []
    for pem in roots:
        try:
            builder = tsp.VerifierBuilder(roots=[x509.load_pem_x509_certificate(pem)])
            if builder.build().verify_message(response, message):
                return ""
        except Exception as error:  # each certificate gets its try
            if own_fault(error):
                raise
            problems.append(str(error).splitlines()[0] if str(error) else type(error).__name__)
    return say("note.cases.signature_not_lead", problems="; ".join(problems))


def _must_fit(answer: bytes, message: bytes) -> Stamp:
    stamp = read_stamp(answer, message)
    if not stamp.fits:
        raise ExplorerError("cases.seals_answer_cannot_attached", why=stamp.why)
    return stamp
