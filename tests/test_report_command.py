"""`report CASE`: a file with its numbers beside it, and a sheet without them."""

from __future__ import annotations

import json

from explorer.cases.importing import import_package
from explorer.cases.store import CaseStore
from explorer.cli import main
from explorer.settings import load_settings
from tests.report.test_languages import EXAMPLE


def test_a_report_and_a_sheet_are_written_from_the_command_line(tmp_path, capsys):
    home = tmp_path / "home"
    case = import_package(CaseStore(load_settings(home).cases), EXAMPLE)
    replay = case.replays(case.subjects()[0].id, limit=1)[0]
    case.close()
    out = tmp_path / "report.html"
    assert main(["--home", str(home), "report", case.id, "--format", "html", "--detail", "short", "--prepared-by",
                 "A. Witness", "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "A. Witness" in out.read_text("utf-8") and result["path"] == str(out)
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["log"]["entry"] == result["head_entry"]
    sheet = tmp_path / "sheet.pdf"
    assert main(["--home", str(home), "report", case.id, "--sheet", replay.id, "--out", str(sheet)]) == 0
    assert sheet.read_bytes()[:5] == b"%PDF-" and not sheet.with_suffix(".json").exists()
    assert main(["--home", str(home), "report", case.id, "--sheet", "no such replay"]) == 1
    assert "no replay" in capsys.readouterr().err
