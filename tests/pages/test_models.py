"""The models page: what is known and loaded, what can be done with it, and what a test made."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from explorer.diffusion.known import KNOWN
from explorer.images.decode import png_bytes
from explorer.jobs import process
from explorer.jobs.queue import Queue
from explorer.jobs.tasks import DownloadModel, InspectModel, TryModel, UnloadModels
from explorer.jobs.worker_queue import Board
from explorer.records import ModelInfo, ModelRef, Recipe, to_json
from explorer.settings import load_settings, save_settings
from pages.shared.texts import say
from tests.pages.test_pages import press, written

SOURCE = "me/boat@" + "c" * 40
INFO = ModelInfo(SOURCE, "boat", "sd1", "ab" * 32, "openrail", 2_700_000_000, 512, 30, 7.5)


@pytest.fixture
def board(home):
    """The worker's side of the queue, held by this process."""
    pid, born_s = process.me()
    made = {kind: Board(Queue(load_settings(home).database), kind=kind, pid=pid, born_s=born_s, device="cpu")
            for kind in ("desk", "device")}
    for one in made.values():
        one.arrive()
    yield made
    for one in made.values():
        one.leave()


def end(board, task, result):
    """Runs the task as a worker would, with that result; returns the job's id."""
    side = board[task.KIND]
    job_id = side.queue.submit(task)
    assert side.take().id == job_id
    side.done(job_id, result)
    return job_id


def newest(home):
    return Queue(load_settings(home).database).recent(limit=1)[0].task


def online(home):
    save_settings(dataclasses.replace(load_settings(home), offline=False))


def test_a_downloaded_model_is_listed_with_licence_fingerprint_and_memory(opened, home, board):
    end(board, DownloadModel("me/boat"), {"source": SOURCE, "info": to_json(INFO)})
    text = written(opened("models"))
    assert INFO.fingerprint in text and "openrail" in text and say("models.nothing_held") in text
    board["device"].beat("", {"loaded": {f"model {SOURCE} cpu": 1_500_000_000, "clip world cpu": 9}})
    text = written(opened("models"))
    assert say("models.all_held", n=1, size="1.5 GB") in text
    assert say("models.held", size="1.5 GB", device="cpu") in text


def test_load_test_use_and_unload_reach_the_worker(opened, home, board):
    end(board, InspectModel(SOURCE), to_json(INFO))
    app = opened("models")

    def on_card(label):
        return next(b for b in reversed(app.button) if b.label == say(label)).click().run()
    on_card("models.load")
    assert newest(home) == InspectModel(SOURCE, load=True)
    on_card("models.test")
    assert newest(home) == TryModel(SOURCE, say("models.test_default"))
    on_card("models.use")
    assert load_settings(home).model == SOURCE
    assert say("models.no_carry") in [i.value for i in app.info]
    on_card("models.unload")
    assert newest(home) == UnloadModels()


def test_a_download_starts_with_its_revision(opened, home):
    online(home)
    app = opened("models")
    assert say("models.download_offline") not in [i.value for i in app.info]
    press(app, say("models.download_go"))
    assert newest(home) == DownloadModel(KNOWN[0].source)
    app.radio(key="download_which").set_value("").run()
    assert next(b for b in app.button if b.label == say("models.download_go")).disabled
    app.text_input(key="download_id").set_value(" me/boat@v2 ").run()
    app.toggle(key="download_full").set_value(True).run()
    press(app, say("models.download_go"))
    assert newest(home) == DownloadModel("me/boat@v2", "")


def test_offline_is_one_sentence_and_no_button(opened):
    app = opened("models")
    assert say("models.download_offline") in [i.value for i in app.info]
    assert next(b for b in app.button if b.label == say("models.download_go")).disabled


def test_a_test_shows_its_picture_and_a_marked_one_only_when_asked_for(opened, home, board, tmp_path):
    path = tmp_path / "made.png"
    path.write_bytes(png_bytes(np.zeros((8, 8, 3), np.uint8)))
    recipe = Recipe(ModelRef(SOURCE, INFO.fingerprint, "sd1"), "a red boat", 0, 30, 7.5, "euler", 512, 512)
    told = {"info": to_json(INFO), "recipe": to_json(recipe), "hashes": {}, "path": str(path),
            "flagged": False, "elapsed_s": 2.0}

    app = opened("models")

    def shown(result):
        press(app, say("models.test"))
        board["device"].done(board["device"].take().id, result)
        app.run()
        return any("data:image/png" in e.proto.body for e in app.get("html"))
    assert shown(told) and "a red boat" in written(app)
    assert not shown(told | {"flagged": True})
    app.checkbox(key="show_flagged").set_value(True).run()
    assert any("data:image/png" in e.proto.body for e in app.get("html"))
    path.unlink()
    assert not shown(told) and say("models.tested_gone") in written(app)


def test_a_checkpoint_file_and_an_adapter_become_one_source(opened, home, tmp_path):
    root = tmp_path / "models"
    root.mkdir()
    for name in ("base.safetensors", "style.safetensors", "old.ckpt"):
        (root / name).write_bytes(b"x")
    save_settings(dataclasses.replace(load_settings(home), model_folders=(str(root),)))
    app = opened("models")
    next(g for g in app.button_group if g.label == say("pick.model")).set_value("folder").run()
    app.checkbox(key=f"this_model_{root}").set_value(True).run()
    assert app.selectbox(key="model_file").options == ["base.safetensors", "style.safetensors"]
    app.checkbox(key=f"this_adapter_{root}").set_value(True).run()
    app.multiselect(key="adapter_files").set_value(["style.safetensors"]).run()
    app.number_input(key=f"weight_{root}/style.safetensors").set_value(0.8).run()
    press(app, say("models.look"))
    assert newest(home).model == f"{root}/base.safetensors + {root}/style.safetensors*0.8"


def table(path, rows, notes):
    """Writes a safetensors file whose rows hold nothing."""
    head = json.dumps({n: {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]} for n in rows}
                      | {"__metadata__": notes}).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head)


@pytest.mark.parametrize(("rows", "key", "chosen"), [
    (["joint_blocks.0.x_block.attn.qkv.weight"], "model_parts", SOURCE),
    (["cond_stage_model.model.x", "first_stage_model.x"], "model_predicts", "epsilon")])
def test_what_a_file_does_not_hold_or_say_is_asked(opened, home, board, tmp_path, rows, key, chosen):
    end(board, DownloadModel("me/boat"), {"source": SOURCE, "info": to_json(INFO)})
    root = tmp_path / "models"
    root.mkdir()
    table(root / "net.safetensors", rows, {})
    save_settings(dataclasses.replace(load_settings(home), model_folders=(str(root),)))
    app = opened("models")
    next(g for g in app.button_group if g.label == say("pick.model")).set_value("folder").run()
    app.checkbox(key=f"this_model_{root}").set_value(True).run()
    assert next(b for b in app.button if b.label == say("models.look")).disabled
    asked = app.selectbox if key == "model_parts" else app.radio
    asked(key=key).set_value(chosen).run()
    press(app, say("models.look"))
    assert newest(home).model == f"{root}/net.safetensors & {chosen}"
