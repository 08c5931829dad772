"""Words given with pictures on the command line: `--caption`, and text files beside the images of a folder."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.cases.store import CaseStore
from explorer.cli import main
from explorer.errors import ExplorerError
from explorer.images.decode import png_bytes
from explorer.jobs import foreground
from explorer.jobs.queue import Queue
from explorer.settings import load_settings


def picture(grey):
    return png_bytes(np.full((40, 40, 3), grey, np.uint8))


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Runs a command up to where computing would begin; returns the case's subjects and the tasks begun."""
    begun, home = [], tmp_path / "home"

    def stop(*args, **kwargs):
        begun.extend(args[1:2])
        raise ExplorerError("Stopped here.")

    monkeypatch.setattr(foreground, "run", stop)
    monkeypatch.setattr(foreground, "follow_jobs", stop)

    def run(*words):
        begun.clear()
        assert main(["--home", str(home), *map(str, words)]) == 1
        settings = load_settings(home)
        case = CaseStore(settings.cases).open(CaseStore(settings.cases).list()[0].id)
        queued = [job.task for job in Queue(settings.database).active()]
        return case, [task for task in (*begun, *queued) if type(task).__name__ == "MeasureSubject"]

    return run


@pytest.mark.parametrize(("words", "kept", "source"), [
    (["--caption", " a red\n door "], "a red door", "caption"), ([], "", "interrogation")])
def test_the_caption_given_to_investigate_is_kept_and_tested(started, tmp_path, words, kept, source):
    (tmp_path / "door.png").write_bytes(picture(200))
    case, (task,) = started("investigate", tmp_path / "door.png", "--json", *words)
    assert [s.caption for s in case.subjects()] == [kept]
    assert task.policy.prompt_from == source


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "works"
    folder.mkdir()
    for name, grey in (("door", 200), ("wall", 90)):
        (folder / f"{name}.png").write_bytes(picture(grey))
    (folder / "door.txt").write_text("a red door\n", "utf-8")
    (folder / "notes.txt").write_text("not a picture's words", "utf-8")
    return folder


def test_text_files_beside_images_are_their_captions_and_the_policy_stays(started, folder):
    case, (task,) = started("portfolio", folder, "--json")
    assert {s.name: s.caption for s in case.subjects()} == {"door.png": "a red door", "wall.png": ""}
    assert task.policy.prompt_from == "interrogation"


def test_captions_are_tested_on_request_where_every_image_has_one(started, folder, capsys):
    case, tasks = started("portfolio", folder, "--json", "--prompt-from", "caption")
    assert not tasks and "1 of 2 images have no words beside them, such as wall.png" in capsys.readouterr().err
    (folder / "wall.txt").write_text("a grey wall", "utf-8")
    again, (task,) = started("portfolio", folder, "--json", "--prompt-from", "caption", "--out", case.id)
    assert {s.name: s.caption for s in again.subjects()} == {"door.png": "a red door", "wall.png": "a grey wall"}
    assert len(again.subjects()) == 2 and task.policy.prompt_from == "caption"
