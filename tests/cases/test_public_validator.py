"""The RO-Crate of a package before `roc-validator`, without a network.

The validator wants RO-Crate's JSON-LD context from the web. Its cache is filled here with a context of the
terms that packages use, each mapped as RO-Crate 1.1 maps it, so that the profile's own rules run offline.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import requests
import requests_cache
import urllib3

from explorer.cases.export import export_case
from tests.cases.test_packages import _unpacked, case, store  # noqa: F401

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
ELSEWHERE = {"File": "http://schema.org/MediaObject", "conformsTo": "http://purl.org/dc/terms/conformsTo"}


def _terms(graph: list[dict]) -> dict[str, str]:
    kinds = {kind for e in graph for kind in ([e["@type"]] if isinstance(e["@type"], str) else e["@type"])}
    names = kinds | {name for e in graph for name in e if not name.startswith("@")}
    return {name: ELSEWHERE.get(name, f"http://schema.org/{name}") for name in names}


class _Shelf(requests.adapters.HTTPAdapter):
    """Answers every request with one document."""

    def __init__(self, document: dict) -> None:
        super().__init__()
        self.document = document

    def send(self, request, **_):
        body = io.BytesIO(json.dumps(self.document).encode())
        answer = urllib3.HTTPResponse(body, headers={"Content-Type": "application/ld+json"}, status=200,
                                      preload_content=False, request_url=request.url)
        return self.build_response(request, answer)


def _fill_cache(path: Path, terms: dict[str, str]) -> None:
    with requests_cache.CachedSession(str(path), backend="sqlite", expire_after=-1) as session:
        session.mount("https://", _Shelf({"@context": terms}))
        assert session.get(CONTEXT).json() == {"@context": terms}


OPEN = {  # recommendations that are not followed, and why
    "The Application SHOULD have a url": "the program has no public address of its own",
    "The SoftwareApplication id SHOULD be an absolute URI": "as above",
    "The `publisher` property of a `Root Data Entity` SHOULD be an `Organization`": "nobody published it yet",
    "The author SHOULD have an organizational affiliation.": "a case knows its investigator's name only",
    "The author SHOULD have a Contextual Entity which specifies the organizational `affiliation`.": "as above",
    'Entity "./" property "mentions" SHOULD be represented as a single value, not a singleton array, according '
    "to the RO-Crate 1.1 JSON-LD recommendation": "a case with one search has one, others have more",
}


def test_package_is_a_process_run_crate(case, tmp_path):  # noqa: F811
    export_case(case, tmp_path / "case.zip", reports={"report.html": b"<p>report</p>"})
    crate = _unpacked(tmp_path / "case.zip", tmp_path / "out") / "data"
    graph = json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]
    _fill_cache(tmp_path / "cache", _terms(graph))
    found = subprocess.run(
        [sys.executable, "-c", "from rocrate_validator.cli import cli; cli()", "validate", "--offline",
         "--cache-path", str(tmp_path / "cache"), "-p", "process-run-crate-0.5", "-l", "recommended",
         "--no-paging", "-f", "json", "-o", str(tmp_path / "report.json"), str(crate)],
        capture_output=True, text=True, timeout=120)
    assert (tmp_path / "report.json").exists(), found.stdout + found.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert [i["message"] for i in report["issues"] if i["severity"] == "REQUIRED"] == []
    assert {i["message"] for i in report["issues"]} <= set(OPEN)
