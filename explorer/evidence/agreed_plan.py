"""The plan that both sides agree on before anything is run: one JSON file, signed by each of them.

What is signed is the RFC 8785 form of the plan (its SHA-256 names it), with Ed25519 (RFC 8032). A plan binds those
who signed it; this only says what it holds, who signed, and where a run departed from it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from explorer.errors import ExplorerError
from explorer.records import from_json, to_json
from explorer.records.canonical import canonical
from explorer.texts import say

SCHEMA = "afterimage-plan/1"
MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class Population:
    """Prompts that a plan draws from: its name, how many it holds, and the SHA-256 of its file's bytes.

    `drawn` is how many of them are drawn; 0: the plan leaves that open.
    """

    name: str
    sha256: str
    prompts: int
    drawn: int = 0


@dataclass(frozen=True)
class PlannedModel:
    """A model under test by name and fingerprint; "" as fingerprint means that its version is not known.

    Adapters stand in its name ("BASE + FILE*0.8"), and its fingerprint is over them too.
    """

    name: str
    fingerprint: str

    @property
    def with_adapters(self) -> bool:
        return " + " in self.name


@dataclass(frozen=True)
class PlannedEffort:
    """What is run for each work or prompt; `guidance` may hold several values, each run alike."""

    seeds: int
    steps: int
    guidance: tuple[float, ...]
    scheduler: str
    width_px: int
    height_px: int
    strengths: tuple[float, ...] = ()


@dataclass(frozen=True)
class Signature:
    """One side's signature; keys and signatures as hexadecimal. `name` and `time` are signed with the plan."""

    name: str
    public_key: str
    time: str  # UTC, ISO 8601
    signature: str


@dataclass(frozen=True)
class AgreedPlan:
    """All that is agreed: the question, what is tested with what, and what will count as what."""

    question: str
    works: tuple[str, ...]  # SHA-256 of each work's original bytes
    models: tuple[PlannedModel, ...]
    effort: PlannedEffort
    score: str  # by which closeness is judged
    near_copy: float  # the score's limit for a near copy
    level: float  # of the tests, in (0, 1)
    populations: tuple[Population, ...] = ()
    controls: str = ""  # where controls come from, in words
    controls_sha256: str = ""  # of their files, see findings.controls.folder_sha256
    control_works: int = 0
    looks: tuple[float, ...] = (1.0,)  # shares of the plan at which results are looked at
    notes: str = ""
    margin: float = 0.0  # of the distance to the nearest other work, which a near copy must be below too; 0: none
    schema: str = SCHEMA

    @property
    def sha256(self) -> str:
        """The plan's name: what reports and logs quote. What is left open is left out, as before it was known."""
        told = asdict(self)
        if not self.margin:
            del told["margin"]
        for one in told["populations"]:
            if not one["drawn"]:
                del one["drawn"]
        return hashlib.sha256(canonical(told)).hexdigest()


@dataclass(frozen=True)
class SignedPlan:
    """A plan with the signatures that it bears."""

    plan: AgreedPlan
    signatures: tuple[Signature, ...] = ()


def check_plan(plan: AgreedPlan) -> AgreedPlan:
    """The plan itself; ExplorerError for one that says nothing, or what cannot be run."""
    effort = plan.effort
    faults = [text for wrong, text in (
        (plan.schema != SCHEMA, say("note.evidence.form_read", schema=plan.schema[:40], schema_1=SCHEMA)),
        (not plan.question.strip(), say("note.evidence.asks_no_question")),
        (not plan.works and not plan.populations, say("note.evidence.names_neither_works")),
        (not plan.models, say("note.evidence.names_no_model")),
        (not 0 < plan.level < 1, say("note.evidence.level_not_between", level=plan.level)),
        (effort.seeds < 1 or effort.steps < 1 or not effort.guidance, say("note.evidence.effort_empty")),
        (not plan.looks or plan.looks[-1] != 1 or list(plan.looks) != sorted(set(plan.looks)),
         say("note.evidence.looks_no_rising")),
        (any(not _is_hash(w) for w in plan.works), say("note.evidence.work_not_named"))) if wrong]
    if faults:
        raise ExplorerError("evidence.agreed_plan_cannot_used", faults="; ".join(faults))
    return plan


def read_plan(data: bytes) -> SignedPlan:
    """A plan file; ExplorerError for one that is damaged, too large or no plan. Signatures are not checked here."""
    if len(data) > MOST_BYTES:
        raise ExplorerError("evidence.agreed_plan_file_bytes", data_count=len(data), most_bytes=MOST_BYTES)
    try:
        found = json.loads(data.decode("utf-8"))
        signed = from_json(SignedPlan, found)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExplorerError("evidence.agreed_plan_not", error=str(error)[:120]) from error
    check_plan(signed.plan)
    return signed


def write_plan(signed: SignedPlan) -> bytes:
    """The file of a plan, the same bytes for the same plan and signatures."""
    return json.dumps(to_json(signed), indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def sign(signed: SignedPlan, private_key_pem: bytes, *, name: str, password: bytes | None,
         clock: Callable[[], str]) -> SignedPlan:
    """The plan with one signature more; `clock` gives the UTC time. ExplorerError for a key that cannot be used."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    key = _private(private_key_pem, password)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    if not name.strip():
        raise ExplorerError("evidence.agreed_plan_signature_needs_name")
    if any(s.public_key == public for s in signed.signatures):
        raise ExplorerError("evidence.agreed_plan_key_signed_already")
    bare = Signature(name.strip(), public, clock(), "")
    made = replace(bare, signature=key.sign(_statement(signed.plan, bare)).hex())
    return replace(signed, signatures=(*signed.signatures, made))


def holds(plan: AgreedPlan, signature: Signature) -> bool:
    """Whether a signature is of this very plan, by this name, time and key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signature.public_key))
        key.verify(bytes.fromhex(signature.signature), _statement(plan, signature))
    except (ValueError, InvalidSignature):
        return False
    return True


def broken_signatures(signed: SignedPlan) -> list[str]:
    """Names of those whose signature does not hold: the plan, the name or the time was changed after signing."""
    return [s.name for s in signed.signatures if not holds(signed.plan, s)]


def make_key(password: bytes | None) -> bytes:
    """A new Ed25519 private key as PKCS 8 PEM, encrypted where a password is given."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
    )
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


@dataclass(frozen=True)
class PlannedRun:
    """What was run, as a plan would say it; a run is inside a plan only where all of it is."""

    work: str  # SHA-256 of the subject's original bytes; "" for a run over a population
    model_fingerprint: str
    seeds: int
    steps: int
    guidance: float
    scheduler: str
    width_px: int
    height_px: int
    score: str
    strengths: tuple[float, ...] = ()
    controls_sha256: str = ""
    population_sha256: str = ""
    level: float | None = None  # None for a search that tests nothing
    near_copy: float | None = None  # None for a run that counts no near copies
    margin: float = 0.0  # of the near-copy rule
    looks: tuple[float, ...] | None = None  # None for a run that is looked at once
    first_seed: int = 0
    confidence: float | None = None  # of the limits of a run that counts near copies
    drawn: int = 0  # prompts of the population
    protected: tuple[str, ...] | None = None  # SHA-256 of the works that a near copy may be of; "" for unknown ones
    besides: tuple[str, ...] = ()  # "adapters" | "given" | "settings": no field of a plan names them


def departures(plan: AgreedPlan, run: PlannedRun) -> tuple[str, ...]:
    """Where a run leaves the plan, as names of what differs; () where it was kept."""
    effort, models = plan.effort, [m for m in plan.models if m.fingerprint == run.model_fingerprint != ""]
    named = {"adapters"} if any(m.with_adapters for m in models) else set()
    said: list[tuple[str, bool]] = [
        ("work", not run.work or run.work in plan.works),
        ("population", not run.population_sha256
         or run.population_sha256 in {p.sha256 for p in plan.populations}),
        ("model", bool(models)),
        ("seeds", run.seeds == effort.seeds), ("first_seed", run.first_seed == 0),
        ("steps", run.steps == effort.steps),
        ("guidance", run.guidance in effort.guidance), ("scheduler", run.scheduler == effort.scheduler),
        ("size", (run.width_px, run.height_px) == (effort.width_px, effort.height_px)),
        ("strengths", set(run.strengths) <= set(effort.strengths)), ("score", run.score == plan.score),
        ("controls", run.level is None or not plan.controls_sha256
         or run.controls_sha256 == plan.controls_sha256),
        ("level", (run.level is None or run.level == plan.level)
         and (run.confidence is None or math.isclose(1 - run.confidence, plan.level))),
        ("drawn", all(p.drawn in (0, run.drawn) for p in plan.populations if p.sha256 == run.population_sha256)),
        ("protected", run.protected is None or not plan.works or set(run.protected) == set(plan.works)),
        ("near_copy", run.near_copy is None or (run.near_copy, run.margin) == (plan.near_copy, plan.margin)),
        ("looks", run.looks is None or run.looks == plan.looks), *((name, name in named) for name in run.besides)]
    return tuple(name for name, kept in said if not kept)


def list_sha256(lines: Sequence[str]) -> str:
    """The SHA-256 that names a list, such as a population's prompts or the names of controls, in its order."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _statement(plan: AgreedPlan, signature: Signature) -> bytes:
    """The bytes that are signed: the plan's name, who signs with which key, and when."""
    who: dict[str, Any] = asdict(signature)
    del who["signature"]
    return canonical({"plan": plan.sha256, **who})


def _private(pem: bytes, password: bytes | None) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError) as error:
        raise ExplorerError("evidence.agreed_plan_key_cannot_opened") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ExplorerError("evidence.agreed_plan_another_kind_key")
    return key


def _is_hash(text: str) -> bool:
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)
