"""Packages: export, the public validators, verify, seals, import."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import random
import stat
import zipfile
from pathlib import Path

import bagit
import pytest
from PIL import Image

from explorer.cases.archive import Archive, ArchiveFault, write_archive
from explorer.cases.export import export_case
from explorer.cases.importing import import_package
from explorer.cases.log import LogEntry, hash_of
from explorer.cases.recipes_text import (
    parameter_line,
    png_with_recipe,
    recipe_from_json,
    recipe_from_png,
    recipe_json,
)
from explorer.cases.store import CaseStore
from explorer.cases.verify import verify_package
from explorer.errors import ExplorerError
from explorer.images.metadata import read_metadata
from explorer.records import Effort, Environment, SearchPlan, SearchSummary, Variation
from tests.benchmarks.safety_inputs import overlapping
from tests.cases.made import make_recipe, make_replay, rebuild


@pytest.fixture
def store(tmp_path):
    return CaseStore(tmp_path / "cases")


@pytest.fixture
def case(store, png):
    """A case with a subject, a plan, three replays, one of them an exhibit, and a choice."""
    made = store.create("The red door", owner="Ada", question="Does it come back?")
    subject = made.add_subject(png, "door.png")
    recipe = make_recipe()
    made.commit(Environment("e" * 64, {"device": "cpu"}))
    made.commit(SearchPlan("q", subject.id, {"prompt": recipe.prompt}, recipe.model, "c", "e" * 64, 3))
    for seed in range(3):
        image = _picture(seed)
        name = hashlib.sha256(image).hexdigest()
        made.commit(make_replay(seed=seed, subject_id=subject.id, image_sha256=name), blobs={name: image})
    first = made.replays(subject.id, order_by="time")[0]
    made.commit(dataclasses.replace(first, exhibit=True, hashes={"png": first.image_sha256}),
                blobs={first.image_sha256: made.blob(first.image_sha256)})
    made.commit(SearchSummary("q", subject.id, "done", "tiled_l2", first.id, Effort(3, 60, 1.5), (), 3))
    made.set("threshold", 0.15)
    yield made
    made.close()


@pytest.fixture
def package(case, tmp_path) -> Path:
    target = tmp_path / "case.zip"
    export_case(case, target, reports={"report.html": b"<p>report</p>"})
    return target


def _picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (seed, 0, 0)).save(out, "PNG")
    return out.getvalue()


# -- recipes as text -----------------------------------------------------------------------------

def test_recipe_goes_through_json_and_png_unchanged():
    recipe = make_recipe(seed=2**64 - 1, prompt="a “red” door, 赤", negative_prompt="blue", strength=0.5,
                         variation=Variation(3, 0.25), start_sha256="a" * 64)
    assert recipe_from_json(recipe_json(recipe)) == recipe
    png = png_with_recipe(_picture(1), recipe)
    assert recipe_from_png(png) == recipe
    assert recipe_from_png(_picture(1)) is None
    with Image.open(io.BytesIO(png)) as image:
        assert image.getpixel((0, 0)) == (1, 0, 0)
        assert image.text["parameters"] == parameter_line(recipe)


@pytest.mark.parametrize("prompt", ["a red door, wide", "Straße bei Nacht", "赤い扉"])
def test_parameter_line_is_read_by_the_public_reader(prompt):
    recipe = make_recipe(prompt=prompt, negative_prompt="blurry", seed=123, variation=Variation(9, 0.5))
    found, = read_metadata(png_with_recipe(_picture(0), recipe)).generation
    assert (found.prompt, found.negative_prompt, found.seed, found.steps) == (prompt, "blurry", 123, 10)
    assert found.guidance == 7.5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 99}', "[" * 100_000, '"x"'])
def test_what_is_no_recipe_is_refused_in_a_sentence(text):
    with pytest.raises(ExplorerError):
        recipe_from_json(text)


# -- export --------------------------------------------------------------------------------------

def _unpacked(package: Path, folder: Path) -> Path:
    with zipfile.ZipFile(package) as pack:
        pack.extractall(folder)
    root, = folder.iterdir()
    return root


def test_package_is_a_valid_bag(package, tmp_path):
    bag = bagit.Bag(str(_unpacked(package, tmp_path / "out")))
    bag.validate()
    assert bag.info["External-Description"] == "Evidence package"


def test_package_holds_what_it_must(package, case, tmp_path):
    root = _unpacked(package, tmp_path / "out") / "data"
    subject, = case.subjects()
    exhibit, = [r for r in case.replays(subject.id) if r.exhibit]
    assert recipe_from_json((root / f"recipes/{exhibit.id}.json").read_bytes()) == exhibit.recipe
    assert recipe_from_png((root / f"exhibits/{exhibit.id}.png").read_bytes()) == exhibit.recipe
    assert len((root / "scores.csv").read_text().splitlines()) == 4
    assert (root / f"blobs/{subject.sha256[:2]}/{subject.sha256}").read_bytes() == case.blob(subject.sha256)
    assert json.loads((root / "case.json").read_text())["facts"]["question"] == "Does it come back?"
    assert (root / "report/report.html").read_bytes() == b"<p>report</p>"
    kinds = [json.loads(line)["kind"] for line in (root / "log.jsonl").read_text().splitlines()]
    assert kinds[0] == "case created" and kinds[-1] == "export" and "choice" in kinds


def test_equal_contents_give_equal_bytes(tmp_path):
    members = [("b/x.txt", b"x"), ("a/y.txt", b"y" * 1000)]
    one = write_archive(tmp_path / "1.zip", members)
    assert one == write_archive(tmp_path / "2.zip", list(reversed(members)))
    assert Archive(tmp_path / "1.zip").is_canonical()


def test_a_missing_blob_stops_the_export_and_leaves_nothing(case, tmp_path):
    subject, = case.subjects()
    case.blob_path(subject.sha256).unlink()
    with pytest.raises(ExplorerError, match="missing or unreadable"):
        export_case(case, tmp_path / "out" / "case.zip")
    assert list((tmp_path / "out").iterdir()) == []


# -- verify --------------------------------------------------------------------------------------

def test_an_unsealed_package_is_consistent_and_says_what_that_means(package, case):
    report = verify_package(package)
    assert report.state == "consistent" and "made it anew" in report.sentence
    assert (report.head_entry, report.head_hash) == case.head()
    assert (report.exhibits, report.replays, report.title) == (1, 3, "The red door")
    assert all(c.state == "holds" for c in report.checks)


def test_expected_head(package, case):
    head, earlier = case.head()[1], case.log()[2].hash
    for expect in (head, head[:16].upper()):
        check = verify_package(package, expect=expect).checks[-1]
        assert (check.name, check.state) == ("expected head", "holds")
    assert "came later" in verify_package(package, expect=earlier).checks[-1].what
    wrong = verify_package(package, expect="0" * 64)
    assert wrong.state == "changed" and "another log" in wrong.sentence
    assert verify_package(package, expect="abc").checks[-1].state == "open"


def test_single_bytes_changed_anywhere_are_detected(package, tmp_path):
    data, target = package.read_bytes(), tmp_path / "changed.zip"
    dice = random.Random(4)
    for _ in range(60):
        at = dice.randrange(len(data))
        target.write_bytes(data[:at] + bytes([data[at] ^ dice.randrange(1, 256)]) + data[at + 1:])
        assert verify_package(target).state in ("changed", "uncheckable"), at


def _edit(entries: list[LogEntry], how: str) -> list[LogEntry]:
    if how == "dropped":
        return entries[:3] + entries[4:]
    if how == "added":
        return [*entries[:3], dataclasses.replace(entries[3], kind="note"), *entries[3:]]
    if how == "swapped":
        return [*entries[:3], entries[4], entries[3], *entries[5:]]
    return [*entries[:3], dataclasses.replace(entries[3], actor="somebody else"), *entries[4:]]


@pytest.mark.parametrize("how", ["dropped", "added", "swapped", "changed"])
def test_edits_of_the_log_in_a_rebuilt_bag_are_detected_and_located(package, tmp_path, how):
    target = rebuild(package, tmp_path / "edited.zip", lambda entries: _edit(entries, how))
    report = verify_package(target)
    assert report.state == "changed" and "entry " in report.sentence
    assert next(c for c in report.checks if c.name == "bag").state == "holds"


def _rehashed(entries: list[LogEntry]) -> list[LogEntry]:
    out, prev = [], "0" * 64
    for number, entry in enumerate(entries, 1):
        bare = dataclasses.replace(entry, seq=number, prev=prev)
        out.append(dataclasses.replace(bare, hash=hash_of(bare)))
        prev = out[-1].hash
    return out


def _without_report(files: dict[str, bytes]) -> None:
    del files["data/report/report.html"]  # the entry that names it is gone


@pytest.mark.parametrize("forge, forge_files", [
    (lambda e: _rehashed([dataclasses.replace(e[0], actor="x"), *e[1:]]), None),
    (lambda e: e[:-2], _without_report)], ids=["rebuilt whole", "tail cut off"])
def test_a_chain_made_anew_never_passes_as_sealed(package, tmp_path, forge, forge_files, case):
    target = rebuild(package, tmp_path / "forged.zip", forge, forge_files=forge_files)
    report = verify_package(target)
    assert report.state == "consistent" and "made it anew" in report.sentence
    assert verify_package(target, expect=case.head()[1]).state == "changed"


def test_files_that_do_not_follow_from_the_log_are_found(package, tmp_path):
    def forge(files):
        files["data/scores.csv"] = files["data/scores.csv"].replace(b"0.5", b"0.1")
    target = rebuild(package, tmp_path / "forged.zip", forge_files=forge)
    report = verify_package(target)
    assert report.state == "changed" and "scores.csv" in report.sentence
    target = rebuild(package, tmp_path / "more.zip",
                     forge_files=lambda files: files.update({"data/more.txt": b"more"}))
    assert "more.txt" in verify_package(target).sentence


@pytest.mark.parametrize("name, content", [("a.txt", b"hello"), ("a.zip", b"PK\x03\x04" + b"\0" * 50),
                                           ("empty.zip", b"")])
def test_what_is_no_package_cannot_be_checked_or_is_changed(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    report = verify_package(tmp_path / name)
    assert report.state in ("uncheckable", "changed") and report.sentence
    assert verify_package(tmp_path / "none.zip").state == "uncheckable"


def _hostile(path: Path, name: str, *, data: bytes = b"x", mode: int = stat.S_IFREG | 0o644,
             method: int = zipfile.ZIP_STORED, twice: bool = False) -> Path:
    with zipfile.ZipFile(path, "w") as pack:
        for _ in range(2 if twice else 1):
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, method
            pack.writestr(info, data)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name, options", [
    ("../out.txt", {}), ("/etc/passwd", {}), ("a/../../b", {}), ("a\\b", {}), ("C:/x", {}), ("a//b", {}),
    ("bag/.hidden", {}), ("bag/link", {"mode": stat.S_IFLNK | 0o777}), ("bag/x", {"twice": True}),
    ("bag/bomb", {"data": b"\0" * 1_000_000, "method": zipfile.ZIP_DEFLATED}), ("bag/" + "n" * 300, {})])
def test_hostile_archives_are_refused(tmp_path, name, options):
    path = _hostile(tmp_path / "bad.zip", name, **options)
    with pytest.raises(ArchiveFault, match=r"refused|compressed|twice"):
        Archive(path)
    assert verify_package(path).state == "changed"


def test_files_that_lie_over_one_another_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(overlapping(40, size=1000))
    assert sum(i.file_size for i in zipfile.ZipFile(tmp_path / "a.zip").infolist()) > 40_000
    with pytest.raises(ArchiveFault, match="more bytes than the ZIP has"):
        Archive(tmp_path / "a.zip")


def test_archives_have_limits(tmp_path):
    write_archive(tmp_path / "a.zip", [(f"bag/{n}", b"x" * 10) for n in range(5)])
    with pytest.raises(ArchiveFault, match="at most 4 files"):
        Archive(tmp_path / "a.zip", most_members=4)
    with pytest.raises(ArchiveFault, match="at most"):
        Archive(tmp_path / "a.zip", most_bytes=49)


# -- import --------------------------------------------------------------------------------------

def test_a_package_opens_as_a_read_only_case(package, case, tmp_path):
    other = CaseStore(tmp_path / "other")
    found = import_package(other, package)
    subject, = found.subjects()
    assert found.head() == case.head() and found.log() == case.log()
    assert found.replays(subject.id) == case.replays(subject.id)
    assert found.blob(subject.sha256) == case.blob(subject.sha256)
    assert found.get("threshold") == 0.15
    row, = other.list()
    assert row.read_only and row.title == "The red door"
    for write in (lambda: found.set("x", 1), lambda: found.put_blob(b"x"),
                  lambda: other.rename(found.id, "mine"), lambda: export_case(found, tmp_path / "x.zip")):
        with pytest.raises(ExplorerError, match="read-only"):
            write()


def test_a_log_that_claims_to_be_writable_does_not_become_so(package, tmp_path):
    def forge(entries):
        body = {"read_only": "0", "archived": "1"}
        return _rehashed([*entries, dataclasses.replace(entries[-1], kind="case", body=body)])
    target = rebuild(package, tmp_path / "forged.zip", forge)
    assert import_package(CaseStore(tmp_path / "other"), target).read_only


def test_a_changed_package_is_not_imported(package, tmp_path):
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    package.write_bytes(data)
    other = CaseStore(tmp_path / "other")
    with pytest.raises(ExplorerError, match="not imported"):
        import_package(other, package)
    assert other.list() == [] and list((tmp_path / "other").glob(".*")) == []
