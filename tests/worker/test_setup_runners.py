"""What the guided set-up has done for it: a CLIP fetched and checked, a replay timed, controls looked at."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from explorer.cases.store import CaseStore
from explorer.clip.known_clips import KNOWN, L, check_choice, clips_here
from explorer.errors import ExplorerError
from explorer.findings.control_check import ControlCheck
from explorer.images.decode import png_bytes
from explorer.jobs import timings
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import CheckControls, DownloadClip, DownloadModel, TimeReplay
from explorer.records import ModelInfo, from_json
from explorer.records.policy import policy_for
from explorer.records.timing import Timing
from explorer.run import QUIET
from explorer.worker.context import Context
from explorer.worker.loaded_table import LoadedTable
from explorer.worker.loop import run_task
from tests.clip.conftest import write_clip
from tests.heard import Heard
from tests.shelf import Shelf
from tests.worker.test_runners import sources  # noqa: F401


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    made = Shelf({KNOWN[L].repo: write_clip(tmp_path / "hub")})
    monkeypatch.setenv("HF_ENDPOINT", made.url)
    yield made
    made.close()


def run(settings, task, heard=QUIET):
    queue = Queue(settings.database)
    return run_task(task, Context(settings, queue, queue.get(queue.submit(task)), LoadedTable(10**9), heard))


def test_a_clip_is_fetched_goes_on_after_a_break_and_is_chosen_by_its_name(settings, shelf):
    online = dataclasses.replace(settings, offline=False)
    with pytest.raises(ExplorerError, match="not on this computer"):
        check_choice(L, settings.home)
    shelf.breaks = [4000]
    with pytest.raises(ExplorerError, match="connection ended"):
        run(online, DownloadClip(L))
    told = run(online, DownloadClip(L), heard := Heard())
    assert ("open_clip_model.safetensors", "bytes=4000-") in shelf.asked and len(heard.reports) > 1
    assert check_choice(L, settings.home) == told["clip"] and told["clip"] in clips_here(settings.home)
    config = json.loads((KNOWN[L].folder(settings.home) / "open_clip_config.json").read_text())
    assert config["model_cfg"]["quick_gelu"] is True  # as open_clip's list has it for these weights
    asked = len(shelf.asked)
    assert run(online, DownloadClip(L)) == told and len(shelf.asked) == asked


def test_offline_lets_nothing_through_but_what_was_asked_for(settings, shelf):
    for task in (DownloadClip(L), DownloadModel("me/boat")):
        with pytest.raises(ExplorerError, match="Nothing leaves this computer"):
            run(settings, task)
    assert shelf.asked == []
    told = run(settings, DownloadClip(L, asked=True))
    assert settings.offline and told["clip"] in clips_here(settings.home)


@pytest.mark.parametrize("wrong", ["clip", "open_clip:ViT-L-14/laion", "", "/", "\0"])
def test_what_is_no_clip_is_refused(settings, wrong):
    with pytest.raises(ExplorerError):
        check_choice(wrong, settings.home)
    assert check_choice("world", settings.home) == "world"


def test_a_replay_is_timed_for_this_model_size_and_device(settings, sources):  # noqa: F811
    settings = dataclasses.replace(settings, device="cpu")
    told = run(settings, TimeReplay(sources["model"], sources["clip"]))
    timing, info = from_json(Timing, told["timing"]), from_json(ModelInfo, told["info"])
    assert timing.evaluation_s > 0 and timing.lists_s > 0 and timing.read_s > 0
    assert timing.words_s > 0
    assert (timing.device, timing.precision, timing.size_px) == ("cpu", "float32", info.default_size_px)
    asked = {"fingerprint": info.fingerprint, "size_px": info.default_size_px, "device": "cpu"}
    assert timings.timed(settings.home, **asked) == timing
    for changed in ({"device": "cuda"}, {"size_px": 512}, {"fingerprint": "0" * 64}):
        assert timings.timed(settings.home, **asked | changed) is None
    few, many = (policy_for(info, seeds=n) for n in (4, 16))
    replay_s = timing.replay_s(few.steps, few.guidance)
    assert timing.work_s(many) - timing.work_s(few) == pytest.approx(12 * (replay_s + timing.words_s))
    assert replay_s >= few.steps * 2 * timing.evaluation_s


def test_controls_are_looked_at_before_they_are_run(settings, tmp_path):
    draw, folder = np.random.default_rng(5), tmp_path / "controls"
    folder.mkdir()
    for n in range(40):
        noise(draw, folder / f"{n:02}.jpg", taken=f"20{20 + n % 4}:06:01 10:00:00" if n < 8 else "")
    (folder / "zz.png").write_bytes(b"%PDF-1.7")
    case = CaseStore(settings.cases).create("mine")
    noise(draw, tmp_path / "like.jpg", taken="")
    case.add_subject((tmp_path / "like.jpg").read_bytes(), "like.jpg")
    case.add_subject(png_bytes(np.full((96, 96, 3), 255, np.uint8)), "other.png")
    told = from_json(ControlCheck, run(settings, CheckControls(str(folder), case.id, "2022-10")))
    assert (told.pictures, told.refused, told.dated) == (40, 1, 8)
    assert sorted(told.older) == [f"{n:02}.jpg" for n in range(8) if n % 4 < 3]
    assert [(w.name, w.fits) for w in told.works] == [("like.jpg", True), ("other.png", False)]
    assert told.enough and told.ranked == 40 and told.smallest_p == pytest.approx(1 / 41)
    many = dataclasses.replace(told, pictures=100)
    assert many.ranked == 80 and not dataclasses.replace(told, pictures=38).enough
    assert not dataclasses.replace(told, works=()).enough and dataclasses.replace(many, works=()).enough


def noise(draw, path, *, taken: str) -> None:
    exif = Image.Exif()
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.fromarray(draw.integers(0, 256, (96, 96, 3), np.uint8)).save(path, exif=exif)


def test_without_controls_or_a_folder_it_is_one_sentence(settings, tmp_path):
    with pytest.raises(ExplorerError, match="There is no folder"):
        run(settings, CheckControls(str(tmp_path / "nowhere")))
    (tmp_path / "none").mkdir()
    told = from_json(ControlCheck, run(settings, CheckControls(str(tmp_path / "none"))))
    assert told.pictures == 0 and not told.enough
    with pytest.raises(ExplorerError, match="no model to time"):
        run(settings, TimeReplay())
