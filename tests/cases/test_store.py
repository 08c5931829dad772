"""Cases on disk: what is written comes back, twice written is once, and the log holds."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sqlite3
import subprocess
import sys
import time

import pytest

from explorer.cases import case_tables
from explorer.cases.blobs import BlobStore
from explorer.cases.case import Case
from explorer.cases.log import check_chain
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.records import Neighbour, PromptCandidate, Subject, Variation, recipe_digest
from explorer.records.canonical import canonical, read
from tests.cases.made import make_recipe, make_replay, make_subject


@pytest.fixture
def store(tmp_path):
    return CaseStore(tmp_path / "cases")


@pytest.fixture
def case(store):
    made = store.create("A case", owner="Ada", question="How close?", case_number="7/26")
    yield made
    made.close()


def test_canonical_json_keeps_what_json_cannot():
    value = {"seed": 2**64 - 1, "psnr": math.inf, "b": [1.5, True, None, "é"], "a": -math.inf}
    text = canonical(value)
    assert read(text) == value
    assert text.startswith(b'{"a":')  # sorted keys
    assert math.isnan(read(canonical({"x": math.nan}))["x"])


def test_equal_recipes_have_equal_digests_and_different_ones_do_not():
    recipe = make_recipe(seed=2**63)
    assert recipe_digest(recipe) == recipe_digest(dataclasses.replace(recipe))
    assert recipe_digest(recipe) != recipe_digest(dataclasses.replace(recipe, variation=Variation(1, 0.1)))


def test_blob_is_whole_or_absent_and_changes_are_seen(tmp_path):
    blobs = BlobStore(tmp_path)
    name = blobs.put(b"abc")
    assert name == hashlib.sha256(b"abc").hexdigest()
    assert blobs.put(b"abc") == name
    assert blobs.get(name) == b"abc"
    assert list(blobs.names()) == [name]
    blobs.path(name).write_bytes(b"abd")
    with pytest.raises(ExplorerError, match="changed after it was stored"):
        blobs.get(name)
    with pytest.raises(ExplorerError, match="not the SHA-256"):
        blobs.path("../../etc/passwd")


def test_case_is_found_again_with_its_facts(store, case):
    row, = store.list()
    assert (row.id, row.title, row.owner, row.case_number) == (case.id, "A case", "Ada", "7/26")
    again = store.open(case.id)
    assert again.meta()["question"] == "How close?"
    assert again.log()[0].kind == "case created"


@pytest.mark.parametrize("wrong", ["", "..", "20260101-0000000000", "../x"])
def test_unknown_case_is_refused_in_a_sentence(store, wrong):
    with pytest.raises(ExplorerError, match="There is no case"):
        store.open(wrong)


def test_records_come_back_equal_and_twice_written_is_once(case):
    subject = make_subject()
    prompt = PromptCandidate(subject.id, 1, "a red door", "interrogation", "best", 0.31, 4, 40.25)
    near = Neighbour(subject.id, 1, "world", "w1", 0.99, title="Door")
    assert case.commit_all([subject, prompt, near]) == 3
    length = case.head()[0]
    assert case.commit_all([subject, prompt, near]) == 0
    assert case.head()[0] == length
    assert case.subjects() == [subject]
    assert case.prompts(subject.id) == [prompt]
    assert case.neighbours(subject.id) == [near]
    assert case.neighbours(subject.id, collection="other") == []


def test_a_changed_record_takes_the_old_ones_place_and_both_stay_in_the_log(case):
    subject = make_subject()
    case.commit(subject)
    case.commit(dataclasses.replace(subject, caption="a door"))
    assert [s.caption for s in case.subjects()] == ["a door"]
    assert [e.kind for e in case.log()].count("Subject") == 2


def test_replays_are_ordered_by_direction_of_the_score(case):
    for seed, (tiled, psnr) in enumerate([(0.3, 10.0), (0.1, 30.0), (0.2, math.inf)]):
        case.commit(make_replay(seed=seed, closeness={"tiled_l2": tiled, "psnr": psnr}))
    case.commit(make_replay(seed=9, closeness={"ssim": 1}))
    seeds = [r.recipe.seed for r in case.replays("s", order_by="tiled_l2")]
    assert seeds == [1, 2, 0, 9]
    assert [r.recipe.seed for r in case.replays("s", order_by="psnr")] == [2, 1, 0, 9]
    assert [r.recipe.seed for r in case.replays("s", order_by="psnr", limit=2, offset=1)] == [1, 0]
    assert [r.recipe.seed for r in case.replays("s", order_by="psnr", limit=5, offset=3)] == [9]
    assert [r.recipe.seed for r in case.replays("s", order_by="time", search_id="q")] == [0, 1, 2, 9]
    assert case.replays("s", search_id="other") == []
    assert isinstance(case.replays("s", order_by="ssim")[0].closeness["ssim"], float)


def test_a_recipe_counts_once_a_search_and_its_exhibit_takes_its_place(case):
    replay = make_replay(seed=1)
    assert case.commit(replay)
    assert not case.commit(dataclasses.replace(replay, elapsed_s=9.0))
    shown = dataclasses.replace(replay, exhibit=True, hashes={"png": "0" * 64})
    assert case.commit(shown)
    assert not case.commit(replay)
    assert case.replay(replay.id) == shown
    assert case.count_replays("s") == 1 == case.count_replays(exhibits=True)
    assert case.recipes_done("q") == {recipe_digest(replay.recipe)}


def test_choices_are_kept_and_logged_once(case):
    case.commit(dataclasses.replace(make_subject(), caption="typed"))
    assert case.chosen_prompt("s") == "typed"
    case.commit(PromptCandidate("s", 1, "found", "interrogation", "best", 0.3, 1, 8.0))
    assert case.chosen_prompt("s") == "found"
    case.choose_prompt("s", "mine")
    case.choose_prompt("s", "mine")
    assert case.chosen_prompt("s") == "mine"
    assert [e.kind for e in case.log()].count("choice") == 1
    assert case.get("nothing", 5) == 5


def _tamper(case: Case, statement: str) -> tuple:
    case.close()
    with sqlite3.connect(case.folder / "case.sqlite") as db:
        db.execute(statement)
    again = Case(case.folder)
    try:
        return check_chain(again.log())
    finally:
        again.close()


@pytest.mark.parametrize("statement, where", [
    ("UPDATE log SET body=replace(body, 'found', 'fount') WHERE seq=3", 3),
    ("UPDATE log SET time='2020-01-01T00:00:00.000Z' WHERE seq=2", 2),
    ("DELETE FROM log WHERE seq=3", 4),
    ("UPDATE log SET seq=CASE seq WHEN 3 THEN -4 WHEN 4 THEN -3 ELSE seq END", -4),
])
def test_edits_of_the_log_are_found_and_located(case, statement, where):
    case.commit(make_subject())
    case.set("a", "found")
    case.set("b", "found")
    case.set("c", "found")
    assert check_chain(case.log()) == ()
    faults = _tamper(case, statement)
    assert where in {f.seq for f in faults}


WRITER = """
import sys
from pathlib import Path
from explorer.cases.case import Case
from tests.cases.made import make_replay
case = Case(Path(sys.argv[1]))
for seed in range(int(sys.argv[2]), int(sys.argv[2]) + 1000):
    case.commit(make_replay(seed=seed), blobs={})
    print(seed, flush=True)
"""


def test_two_writers_and_a_kill_lose_and_double_nothing(store, case):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(case.folder), str(first)],
                                stdout=subprocess.PIPE, text=True) for first in (0, 10_000)]
    for writer in writers:
        writer.stdout.readline()
    time.sleep(0.4)
    for writer in writers:
        writer.kill()
    said = {int(line) for writer in writers for line in writer.communicate()[0].split()}
    again = store.open(case.id)
    kept = [r.recipe.seed for r in again.replays("s", order_by="time", limit=-1)]
    assert said | {0, 10_000} <= set(kept)
    assert len(kept) == len(set(kept))
    assert check_chain(again.log()) == ()


def test_case_of_an_earlier_schema_is_brought_up_to_date(store, case):
    replays = [make_replay(seed=seed, closeness={"tiled_l2": 1.0 - seed / 10}) for seed in range(3)]
    case.commit_all([make_subject(), *replays])
    head = case.head()
    case.close()
    with sqlite3.connect(case.folder / "case.sqlite") as db:  # version 1: no `first_seq`
        db.executescript("""
            CREATE TABLE earlier (id TEXT PRIMARY KEY, subject_id TEXT NOT NULL, search_id TEXT NOT NULL,
              recipe TEXT NOT NULL, exhibit INTEGER NOT NULL, seq INTEGER NOT NULL,
              UNIQUE (search_id, recipe)) WITHOUT ROWID;
            INSERT INTO earlier SELECT id, subject_id, search_id, recipe, exhibit, seq FROM replays;
            DROP TABLE replays;
            ALTER TABLE earlier RENAME TO replays;
            PRAGMA user_version=1;""")
    again = store.open(case.id)
    assert [r.recipe.seed for r in again.replays("s")] == [2, 1, 0]
    assert [r.recipe.seed for r in again.replays("s", order_by="time")] == [0, 1, 2]
    assert again.head() == head
    again.close()
    with sqlite3.connect(case.folder / "case.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == case_tables.VERSION
        db.execute("PRAGMA user_version=99")
    with pytest.raises(ExplorerError, match="has schema 99"):
        store.open(case.id)
    assert "schema 99" in store.list()[0].problem


def test_damaged_database_is_a_sentence_and_the_list_goes_on(store, case):
    case.close()
    other = store.create("Another")
    (case.folder / "case.sqlite").write_bytes(b"not a database" * 400)
    with pytest.raises(ExplorerError, match="is damaged"):
        store.open(case.id)
    assert {r.title: bool(r.problem) for r in store.list()} == {"Another": False, case.id: True}
    assert other.title == "Another"


def test_rename_archive_and_delete(store, case):
    blob = case.put_blob(b"x" * 1000)
    case.commit(make_subject(), blobs={blob: b"x" * 1000})
    assert store.size_bytes(case.id) > 1000
    store.rename(case.id, "Better")
    store.archive(case.id)
    assert store.list() == []
    assert [r.title for r in store.list(archived=True)] == ["Better"]
    case.close()
    gone = store.delete(case.id)
    assert gone.files >= 2 and gone.size_bytes > 1000
    assert list(store.root.rglob(blob)) == []
    with pytest.raises(ExplorerError, match="at least one letter"):
        store.rename(store.create("x").id, " ")


def test_tidy_removes_only_what_was_left_behind(store, case):
    blob = case.put_blob(b"kept")
    (store.root / ".new-20260101-0123456789").mkdir()
    case.blobs.path(blob).with_name(".draft").write_bytes(b"half")
    assert store.tidy(older_than_s=60, now=time.time()) == 0
    assert store.tidy(older_than_s=60, now=time.time() + 120) == 2
    assert case.blob(blob) == b"kept"


def test_subject_keeps_original_bytes_and_pixels(case, png):
    subject = case.add_subject(png, "door.png", caption="a door")
    assert case.blob(subject.sha256) == png
    assert case.blob(subject.pixels_sha256)[:4] == b"\x89PNG"
    assert case.add_subject(png, "door.png", caption="a door") == subject
    assert case.records(Subject) == [subject]
    with pytest.raises(ExplorerError):
        case.add_subject(b"%PDF-1.7", "renamed.png")
