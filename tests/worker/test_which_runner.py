"""Which of several models made a subject, through the worker, on tiny models with random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer.cases.snapshot import snapshot
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.evidence.which_records import WhichModel
from explorer.findings.looks import looks_at
from explorer.findings.wording import number
from explorer.images.decode import png_bytes, read_png
from explorer.jobs.tasks import NameModel
from explorer.report.blocks import Table
from explorer.report.compose import ReportOptions, compose
from tests.diffusion import tiny
from tests.worker.test_runners import sources, work  # noqa: F401


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> str:
    """A second tiny model, with another network and another autoencoder."""
    folder = tmp_path_factory.mktemp("other")
    tiny.pipeline("sd1-kl", folder / "tokens").save_pretrained(folder / "model", safe_serialization=True)
    return quick(str(folder / "model"))


def quick(model: str) -> str:
    """The model with two steps as its usual ones."""
    about = {"name": Path(model).parent.name, "default_size_px": tiny.SIZE_PX, "default_steps": 2,
             "default_guidance": 2.0, "licence": "none"}
    (Path(model) / "afterimage.json").write_text(json.dumps(about), "utf-8")
    return model


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(5)
    for i in range(20):
        rgb = draw.integers(0, 256, (tiny.SIZE_PX, tiny.SIZE_PX, 3), np.uint8)
        (tmp_path / f"{i:02}.png").write_bytes(png_bytes(rgb))
    return str(tmp_path)


def asked(work, models, others, *, test="w", **more):  # noqa: F811
    quick(work.settings.model)
    return NameModel(work.case.id, work.subject.id, test, tuple(models), others, pictures=19, **more)


def test_an_answer_is_planned_logged_reported_and_not_asked_twice(work, other, folder):  # noqa: F811
    models = (work.settings.model, other)
    told = work.run(asked(work, models, folder))
    found, = work.case.records(WhichModel, subject_id=work.subject.id)
    assert [one.model.source for one in found.candidates] == list(models) and found.other_pictures == 19
    assert told["finding"]["kind"] == found.finding.kind and found.finding.kind.startswith("which_")
    assert all(1 / 20 <= p <= 1 for p in (*(one.p for one in found.candidates), found.others_p))
    assert found.candidates[0].autoencoder != found.candidates[1].autoencoder
    kinds = [entry.kind for entry in work.case.log()]
    assert kinds.index("which model planned") < kinds.index("WhichModel")
    kept = len(list((work.settings.cache / "which").glob("*.npy")))
    assert kept == 6  # a model: its pictures, others sent through it, and what it says of all of them
    assert work.run(asked(work, models, folder)) == told
    again = work.run(asked(work, models, folder, test="w2"))
    assert again["earlier_tests"] == 1 and len(list((work.settings.cache / "which").glob("*.npy"))) == kept
    document = compose(snapshot(work.case), ReportOptions())
    assert any(isinstance(b, Table) and len(b.rows) == 3 and b.rows[2][1] == number(found.others_p)
               for b in document.everything())


def test_asking_is_a_look_at_the_picture_with_each_model(work, other, folder):  # noqa: F811
    work.run(asked(work, (work.settings.model, other), folder))
    rgb = read_png(work.case.blob(work.subject.pixels_sha256))
    looks = looks_at(CaseStore(work.settings.cases), rgb)
    assert len({look.model for look in looks.found.values()}) == 2


def test_prompts_of_ones_own_make_the_comparison_pictures(work, other, folder):  # noqa: F811
    blob = work.case.put_blob(b"a door\na window\n")
    work.run(asked(work, (work.settings.model, other), folder, prompts_blob=blob))
    first, = work.case.records(WhichModel)
    work.run(asked(work, (work.settings.model, other), folder, test="w2"))
    assert work.case.records(WhichModel)[1].prompts_sha256 != first.prompts_sha256


def test_what_cannot_be_asked_is_said(work, other, folder, tmp_path):  # noqa: F811
    model = work.settings.model
    for task, words in ((asked(work, (model, model), folder), "at least 2"),
                        (replace(asked(work, (model, other), folder), pictures=5), "ruled out"),
                        (asked(work, (model, other), str(tmp_path / "nowhere")), "nowhere"),
                        (asked(work, (model, f"{model}/"), folder), "same files"),
                        (asked(work, (model, other), folder, prompts_blob=work.case.put_blob(b"\n\n")), "prompt")):
        with pytest.raises(ExplorerError, match=words):
            work.run(task)
