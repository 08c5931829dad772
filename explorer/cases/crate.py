"""The RO-Crate of a package (Process Run Crate 0.5): who did what with which software, from what to what."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from typing import Any

from rocrate.model import ContextEntity, Person, SoftwareApplication
from rocrate.rocrate import ROCrate

from explorer import __version__, records
from explorer.cases import contents
from explorer.cases.snapshot import Snapshot
from explorer.records import SearchPlan

PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
TERMS = ("The subject and every work in this package keep the licences of their makers. The log, the scores "
         "and the replays are given as evidence; nothing in this package grants a right to reuse a work.")
ABOUT = {contents.LOG: ("Log", "application/jsonl"), contents.CASE: ("Case", "application/json"),
         contents.SCORES: ("All replays with their scores", "text/csv"),
         contents.README: ("How to read and check this package", "text/plain")}


def crate_metadata(case: Snapshot, files: Mapping[str, int]) -> bytes:
    """`ro-crate-metadata.json` for the files (name → size in bytes) of a package made from this log."""
    meta = case.meta()
    crate = ROCrate(version="1.1")
    crate.name = meta.get("title", "A case")
    crate.description = meta.get("question") or "How close does this model come to this image, and by itself?"
    crate.datePublished = case.time
    crate.license = crate.add(ContextEntity(crate, "#terms", {"@type": "CreativeWork", "name": "Terms",
                                                             "description": TERMS}))
    profile = crate.add(ContextEntity(crate, PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate",
                                                       "version": "0.5"}))
    crate.root_dataset["conformsTo"] = profile
    parts = {name: _file(crate, name, size) for name, size in sorted(files.items()) if _listed(name)}
    crate.add_dataset(dest_path="blobs/", properties={
        "name": "Blobs", "description": "Every file that the log names, under its SHA-256."})
    subjects = {s.id: _subject(crate, s, files) for s in case.subjects()}
    agent = crate.root_dataset["author"] = _agent(crate, meta)
    _actions(crate, case, parts, subjects, agent=agent, tool=_tool(crate))
    return json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False).encode() + b"\n"


def _listed(name: str) -> bool:
    return not name.startswith("blobs/")


def _file(crate: ROCrate, name: str, size: int) -> Any:
    label, kind = ABOUT.get(name, (name.rpartition("/")[2], _kind(name)))
    return crate.add_file(dest_path=name, properties={"name": label, "contentSize": str(size),
                                                      "encodingFormat": kind})


def _kind(name: str) -> str:
    kinds = {"json": "application/json", "png": "image/png", "html": "text/html", "pdf": "application/pdf"}
    return kinds.get(name.rpartition(".")[2], "application/octet-stream")


def _subject(crate: ROCrate, subject: records.Subject, files: Mapping[str, int]) -> Any:
    name = f"blobs/{subject.sha256[:2]}/{subject.sha256}"
    return crate.add_file(dest_path=name, properties={
        "name": subject.name, "description": "The image under test, as it was handed in.",
        "contentSize": str(files.get(name, 0)), "encodingFormat": f"image/{subject.format.lower()}"})


def _agent(crate: ROCrate, meta: Mapping[str, str]) -> Any:
    return crate.add(Person(crate, "#investigator", {"name": meta.get("owner") or "not named"}))


def _tool(crate: ROCrate) -> Any:
    version = f"{__version__} on Python {platform.python_version()}"
    return crate.add(SoftwareApplication(crate, "#afterimage", {
        "name": "Afterimage provenance explorer", "softwareVersion": version}))


def _actions(crate: ROCrate, case: Snapshot, parts: Mapping[str, Any], subjects: Mapping[str, Any], *,
             agent: Any, tool: Any) -> None:
    """One CreateAction a search, from its subject to its exhibits and all scores."""
    shown = case.exhibits()
    times, ends = ({e.body["key"]: f"{e.time[:19]}+00:00" for e in case.entries if e.kind == kind}
                   for kind in ("SearchPlan", "SearchSummary"))
    for plan in case.records(SearchPlan):
        crate.root_dataset.append_to("mentions", {"@id": f"#search-{plan.id}"})
        made = [parts[f"exhibits/{r.id}.png"] for r in shown if r.search_id == plan.id]
        crate.add_action(
            tool, identifier=f"#search-{plan.id}", object=subjects[plan.subject_id],
            result=[*made, parts[contents.SCORES]],
            properties={"name": f"Search of {plan.planned_tries} replays",
                        "description": f"Replays of the prompt {plan.settings.get('prompt', '')!r}, each "
                                       "compared with the subject; the closest were rendered again as "
                                       "exhibits.",
                        "agent": {"@id": agent.id}, "startTime": times[plan.id],
                        "endTime": ends.get(plan.id, times[plan.id])})
