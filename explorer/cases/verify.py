"""Checks a package: archive, bag, chain, blobs, derived files, seals; says what holds and what is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from explorer.cases import contents, seals
from explorer.cases.archive import ArchiveFault
from explorer.cases.blobs import sha256
from explorer.cases.faults import own_fault
from explorer.cases.log import check_chain
from explorer.cases.package import MANIFEST, SEALS, TAGS, Package
from explorer.cases.view import CaseView
from explorer.errors import ExplorerError
from explorer.texts import say

SEALED, CONSISTENT, CHANGED, UNCHECKABLE = "sealed", "consistent", "changed", "uncheckable"
EXPECTED = "expected head"
BAG_FILES = {"bagit.txt", "bag-info.txt", MANIFEST}


@dataclass(frozen=True)
class Check:
    """One thing that was checked: `state` is "holds", "fails" or "open" (could not be checked).

    Of runs that were held against an agreed plan it is "kept" or "departed", which changes no verdict.
    """

    name: str
    state: str
    what: str  # a plain sentence, which may name the first few only
    names: tuple[str, ...] = ()  # every file that it is about, where it names files


@dataclass(frozen=True)
class PackageReport:
    """What `verify` found. `state` is sealed, consistent, changed or uncheckable; `sentence` says it."""

    path: str
    state: str
    sentence: str
    checks: tuple[Check, ...]
    case_id: str = ""
    title: str = ""
    head_entry: int = 0
    head_hash: str = ""
    exhibits: int = 0
    replays: int = 0


More = Callable[[CaseView], Iterator[Check]]


def verify_package(path: Path, *, expect: str = "", roots: Sequence[bytes] = (),
                   more: More = lambda case: iter(())) -> PackageReport:
    """Reads the package and checks it against itself, the expected head and its seals.

    `expect` is a head's hash kept elsewhere (in full, or at least its first 16 digits); `roots` are PEM
    certificates of time-stamp authorities that are trusted; `more` checks what the case says. Never raises for a
    bad package, nor where this computer lacks space or memory: then the package could not be checked.
    """
    checks: list[Check] = []
    try:
        with Package(path) as package:
            return _verified(package, expect, roots, checks, more)
    except Exception as error:
        if why := own_fault(error):
            return PackageReport(str(path), UNCHECKABLE, say("note.verdict.lacking", why=why), tuple(checks))
        if not isinstance(error, ExplorerError):
            raise
        state = CHANGED if isinstance(error, ArchiveFault) else UNCHECKABLE
        failed = (Check("archive", "fails", str(error)),) if state == CHANGED else ()
        return PackageReport(str(path), state, say(f"note.verdict.{state}", what=error), failed)


def _verified(package: Package, expect: str, roots: Sequence[bytes], checks: list[Check],
              more: More) -> PackageReport:
    """The report; what was checked so far is in `checks` where this computer could not go on."""
    for name, check in (("archive", _archive), ("bag", _bag), ("log", _chain), ("blobs", _blobs),
                        ("contents", _derived)):
        found = _tried(name, check(package))
        checks += found
        if any(c.state == "fails" for c in found):
            break  # what follows rests on it
    else:
        checks += [*_expected(package, expect), *_tried("seal", _seals(package, roots)),
                   *_tried("plan", more(package.case))]
    return _report(package, checks)


def _tried(name: str, check: Iterator[Check]) -> list[Check]:
    """What a check finds; only content that differs makes it fail, not what this computer lacks."""
    try:
        return list(check)
    except Exception as error:  # a hostile package must not pass for an unchecked one
        if own_fault(error):
            raise
        what = str(error) if isinstance(error, ExplorerError) else say("note.cases.cannot_read",
                                                                       error_kind=type(error).__name__)
        return [Check(name, "fails", what)]


def _archive(package: Package) -> Iterator[Check]:
    if package.archive.is_canonical():
        yield Check("archive", "holds", say("note.cases.written_again_zip"))
    else:
        yield Check("archive", "fails", say("note.cases.zip_file_not"))


def _bag(package: Package) -> Iterator[Check]:
    """Payload against manifest, tag files against tag manifest; no file more, none less."""
    manifest, tags = package.manifest(MANIFEST), package.manifest(TAGS)
    payload = {n for n in package.names if n.startswith("data/")}
    outside = {n for n in package.names if n not in payload and n != TAGS and not n.startswith(SEALS)}
    if outside != BAG_FILES or set(tags) != BAG_FILES:
        yield _naming("bag", say("note.cases.bag_own_files_not"), outside ^ BAG_FILES)
        return
    if payload != set(manifest):
        yield _naming("bag", say("note.cases.files_manifest_not_agree"), payload ^ set(manifest))
        return
    wrong = [n for n, mark in (tags | manifest).items() if package.sha256(n) != mark]
    if wrong:
        yield _naming("bag", say("note.cases.contents_not_fit_their"), wrong)
    else:
        yield Check("bag", "holds", say("note.cases.all_files_fit", manifest_count=len(manifest)))


def _chain(package: Package) -> Iterator[Check]:
    faults = check_chain(package.entries)
    for fault in faults:
        yield Check("log", "fails", say("note.cases.at_entry", entry=fault.seq, what=fault.what))
    if not faults:
        yield Check("log", "holds", say("note.cases.all_entries_follow", entries_count=len(package.entries)))


def _blobs(package: Package) -> Iterator[Check]:
    named = contents.blob_names(package.entries)
    there = {n.rpartition("/")[2] for n in package.names if n.startswith("data/blobs/")}
    if named != there:
        yield _naming("blobs", say("note.cases.log_names_other_files"), named ^ there)
        return
    manifest = package.manifest(MANIFEST)
    wrong = [n for n in named if manifest.get(f"data/blobs/{n[:2]}/{n}") != n]  # which the files are known to fit
    if wrong:
        yield _naming("blobs", say("note.cases.blobs_not_hold"), wrong)
        return
    yield Check("blobs", "holds", say("note.cases.all_files_log", named_count=len(named)))


def _derived(package: Package) -> Iterator[Check]:
    """Recipes, exhibits, scores and records must be what the log gives, to the byte."""
    names, made, wrong = set(package.names), [], []
    for name, data in contents.derived(package.case):
        made.append(name)
        if f"data/{name}" not in names or package.sha256(f"data/{name}") != sha256(data):
            wrong.append(name)
    reports = next((e.body["reports"] for e in reversed(package.entries) if e.kind == contents.EXPORT), {})
    wrong += [f"report/{n}" for n, mark in reports.items()
              if f"data/report/{n}" not in names or package.sha256(f"data/report/{n}") != mark]
    known = {f"data/{n}" for n in (*made, contents.METADATA, *(f"report/{n}" for n in reports))}
    foreign = [n for n in names if n.startswith("data/") and n not in known
               and not n.startswith("data/blobs/")]
    if wrong or foreign:
        yield _naming("contents", say("note.cases.files_not_follow_log"), [*wrong, *foreign])
    else:
        yield Check("contents", "holds", say("note.cases.recipes_exhibits_scores"))


def _expected(package: Package, expect: str) -> Iterator[Check]:
    if not expect:
        return
    wanted, head = expect.strip().lower(), package.entries[-1]
    if len(wanted) < 16:
        yield Check(EXPECTED, "open", say("note.cases.expected_hash_too"))
    elif head.hash.startswith(wanted):
        yield Check(EXPECTED, "holds", say("note.cases.log_ends_entry", seq=head.seq))
    elif any(e.hash.startswith(wanted) for e in package.entries):
        at = next(e.seq for e in package.entries if e.hash.startswith(wanted))
        yield Check(EXPECTED, "holds", say("note.cases.expected_hash_entry", at=at, at_1=at + 1, seq=head.seq))
    else:
        yield Check(EXPECTED, "fails", say("note.cases.no_entry_log"))


def _seals(package: Package, roots: Sequence[bytes]) -> Iterator[Check]:
    there = {n for n in package.names if n.startswith(SEALS)}
    if there:
        yield _package_seal(package, there, roots)
    hashes = {e.seq: e.hash for e in package.entries}
    for seal in package.case.records(seals.Seal):
        stamp = seals.read_stamp(package.blob(seal.answer_sha256), hashes.get(seal.entry, "").encode(), roots)
        yield _judged(say("note.cases.seal_entry", entry=seal.entry), stamp, say("note.cases.log_up_entry",
                                                                                 entry=seal.entry))


def _package_seal(package: Package, there: set[str], roots: Sequence[bytes]) -> Check:
    answer = package.read(seals.ANSWER) if seals.ANSWER in there else b""
    marks = f"{sha256(answer)}  {seals.ANSWER}\n".encode()
    if there != {seals.ANSWER, seals.LIST} or package.read(seals.LIST) != marks:
        return Check("seal", "fails", say("note.cases.files_seal_not"))
    return _judged("seal", seals.read_stamp(answer, package.read(TAGS), roots), "this package")


def _judged(name: str, stamp: seals.Stamp, what: str) -> Check:
    if not stamp.fits:
        return Check(name, "fails", say("note.cases.time_stamp_not", what=what, why=stamp.why))
    if stamp.trusted:
        return Check(name, "holds", say("note.cases.trusted_time_stamp", time=stamp.time, what=what))
    return Check(name, "open", say("note.cases.time_stamp_covers", time=stamp.time, what=what, why=stamp.why))


def _report(package: Package, checks: list[Check]) -> PackageReport:
    failed = next((c for c in checks if c.state == "fails"), None)
    seal = next((c for c in checks if c.name == "seal" and c.state == "holds"), None)
    state = CHANGED if failed else SEALED if seal else CONSISTENT
    time = seals.read_stamp(package.read(seals.ANSWER), package.read(TAGS)).time if seal else ""
    sentence = say(f"note.verdict.{state}", what=failed.what if failed else "", time=time)
    if any(c.name == "log" and c.state == "holds" for c in checks) and not failed:
        case = package.case
        return PackageReport(
            str(package.archive.path), state, sentence, tuple(checks), case.id, case.facts().get("title", ""),
            *case.head(), exhibits=case.count_replays(exhibits=True), replays=case.count_replays())
    return PackageReport(str(package.archive.path), state, sentence, tuple(checks), package.case_id)


def _naming(name: str, what: str, files: Iterable[str]) -> Check:
    """A check that fails for these files: its sentence has the first five."""
    found = tuple(sorted(files))
    named, more = ", ".join(found[:5]), len(found) - 5
    key = "note.cases.named_and_more" if more > 0 else "note.cases.named"
    return Check(name, "fails", say(key, what=what, named=named, more=more), found)
