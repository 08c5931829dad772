"""The plan commands from a key to a notice, as both sides would use them; and the command that counts incidence."""

from __future__ import annotations

import json
import stat

import pytest

from explorer.cases.store import CaseStore
from explorer.cli import main
from explorer.commands.incidence_command import _asked, _population
from explorer.errors import ExplorerError
from explorer.evidence.plan_on_record import agreed
from explorer.images.decode import png_bytes
from explorer.records.incidence_settings import PopulationAsked
from tests.pages.filled import picture


@pytest.fixture
def asked(tmp_path, capsys):
    """Runs a command; its last line as JSON, or the sentence on stderr with what it returned."""

    def run(*words: object):
        code = main(["--home", str(tmp_path / "home"), *map(str, words)])
        out, err = capsys.readouterr()
        return (json.loads(out.splitlines()[-1]), out) if code == 0 else (code, err)

    return run


@pytest.fixture
def drafted(asked, tmp_path):
    """A plan over one work and one population, of the bundled model and of one whose version nobody knows."""
    (tmp_path / "work.png").write_bytes(png_bytes(picture()))
    (tmp_path / "log.txt").write_text("a fox\na boat\na fox\n", "utf-8")
    told, _ = asked("plan", "draft", "--out", tmp_path / "plan.json", "--question", "How often?", "--work",
                    tmp_path / "work.png", "--population", f"log={tmp_path / 'log.txt'}", "--model", "world",
                    "--unknown-model", "a service", "--steps", 12, "--guidance", "2,7.5", "--size", "64x64")
    return told


def test_from_a_key_to_a_plan_on_record(asked, drafted, tmp_path):
    plan, home = tmp_path / "plan.json", tmp_path / "home"
    (tmp_path / "word.txt").write_text("a password\nand a remark", "utf-8")
    for name, more in (("ada", ("--password-file", tmp_path / "word.txt")), ("bob", ())):
        key = tmp_path / f"{name}.pem"
        asked("plan", "key", "--out", key, *more)
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        told, _ = asked("plan", "sign", plan, key, "--name", name, *more)
        assert told["plan"] == drafted["plan"]
    code, said = asked("plan", "key", "--out", tmp_path / "ada.pem")
    assert code == 1 and "never written over" in said
    told, out = asked("plan", "check", plan)
    assert [s["name"] for s in told["signatures"]] == ["ada", "bob"] and "MODEL VERSION UNKNOWN" in out
    case = CaseStore(home / "cases").create("A case")
    asked("plan", "load", case.id, plan)
    signed = agreed(case)
    assert signed.plan.sha256 == drafted["plan"] and signed.plan.populations[0].prompts == 3
    assert signed.plan.models[0].fingerprint and not signed.plan.models[1].fingerprint
    sheet = tmp_path / "notice.html"
    asked("plan", "notice", plan, "--out", sheet)
    assert drafted["plan"] in sheet.read_text("utf-8") and "Notice of experiments" in sheet.read_text("utf-8")


def test_an_altered_plan_is_signed_and_loaded_by_nobody(asked, drafted, tmp_path):
    plan, key = tmp_path / "plan.json", tmp_path / "ada.pem"
    asked("plan", "key", "--out", key)
    asked("plan", "sign", plan, key, "--name", "Ada")
    value = json.loads(plan.read_text("utf-8"))
    value["plan"]["effort"]["seeds"] = 1
    plan.write_text(json.dumps(value), "utf-8")
    case = CaseStore(tmp_path / "home" / "cases").create("A case")
    for words in (("check", plan), ("sign", plan, key, "--name", "Bob"), ("load", case.id, plan),
                  ("notice", plan, "--out", tmp_path / "n.html")):
        code, said = asked("plan", *words)
        assert code == 1 and "altered after it was signed" in said and "Ada" in said


def test_a_plan_names_its_controls_by_their_files(asked, drafted, tmp_path):
    """Another picture under the same name, or other words beside it, are other controls."""
    folder = tmp_path / "controls"
    folder.mkdir()
    for n in range(3):
        (folder / f"{n}.png").write_bytes(png_bytes(picture(n + 5)))

    def named():
        asked("plan", "draft", "--out", tmp_path / "c.json", "--question", "How?", "--work", tmp_path / "work.png",
              "--model", "world", "--steps", 12, "--guidance", 2, "--size", "64x64", "--controls", folder)
        found = json.loads((tmp_path / "c.json").read_text("utf-8"))["plan"]
        assert found["control_works"] == 3
        return found["controls_sha256"]

    first = named()
    (folder / "1.txt").write_text("a fox", "utf-8")
    with_words = named()
    (folder / "2.png").write_bytes(png_bytes(picture(9, noise=20.0)))
    assert len({first, with_words, named()}) == 3


def test_populations_are_read_and_named_on_the_command_line(tmp_path):
    from explorer.cli import parser
    case = CaseStore(tmp_path / "cases").create("A case")
    (tmp_path / "log.txt").write_text("a fox\na boat\n", "utf-8")
    args = parser().parse_args(["incidence", "--population", f"defendant:its log={tmp_path / 'log.txt'}",
                                "--population", "titles=rewordings", "--kind", "log", "--prompts", "2"])
    found = _asked(args, case, "world", bundled=True)
    first, second = found.populations
    assert (first.name, first.side, first.kind, first.prompts) == ("its log", "defendant", "log", 2)
    assert case.blob(first.sha256) == b"a fox\na boat\n"
    assert second == PopulationAsked("titles", "rewordings", "", "", 2)
    assert (found.absolute, found.margin) == (0.19, 0.8)
    assert args.works is None and found.rivals == ""  # and not the folder that the command was run in
    assert _asked(args, case, "world", bundled=False).absolute == 0.15
    with pytest.raises(ExplorerError, match="is not a population"):
        _population(case, "no file", args)
