"""Whose looks at a picture count: one's own, once each; never a demonstration's or the other side's."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.cases.case import Case
from explorer.cases.export import export_case
from explorer.cases.exports import FILE, exported
from explorer.cases.importing import import_package
from explorer.cases.log import hash_of
from explorer.cases.store import CaseStore
from explorer.findings.finding import Measured
from explorer.findings.looks import earlier, looks_at
from explorer.images.decode import png_bytes, read_png
from explorer.records import Effort, SearchPlan
from explorer.settings import WORLD
from explorer.world.demonstrations import is_demonstration
from explorer.world.example_cases import FOLDER, open_told, read
from explorer.world.example_picks import read_examples
from tests.cases.made import make_replay, rebuild
from tests.pages.filled import MODEL, picture

TEST = ("policy", "controls", "")


def looked(store: CaseStore, *, tests: int, searches: int, seed: int = 0) -> tuple[Case, np.ndarray]:
    """A case of one picture with so many measured tests, each of another policy, and plain searches."""
    case = store.create("Looked")
    rgb = picture(seed, noise=0.2)
    subject = case.add_subject(png_bytes(rgb), "ball.png")
    for number in range(tests + searches):
        search = f"{case.id}-{number}"
        case.commit(SearchPlan(search, subject.id, {"prompt": "a ball"}, MODEL, "c" * 64, "e" * 64, 1))
        if number < tests:
            replay = make_replay(seed=number, subject_id=subject.id, search_id=search)
            replay = dataclasses.replace(replay, id=f"replay{number}",
                                         recipe=dataclasses.replace(replay.recipe, model=MODEL))
            case.commit(replay)
            case.commit(Measured(search, subject.id, f"policy{number}", "a ball", 0.3, replay.id,
                                 Effort(1, 20, 1.0), {}, "controls"))
    return case, rgb


def count(store: CaseStore, rgb: np.ndarray) -> tuple[int, int]:
    found = earlier(looks_at(store, rgb), TEST, search_id="now", model=MODEL.fingerprint)
    return found.tests, found.searches


@pytest.fixture
def here(tmp_path: Path) -> CaseStore:
    return CaseStore(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> CaseStore:
    return CaseStore(tmp_path / "there")


def sent(store: CaseStore, case: Case, tmp_path: Path) -> Path:
    target = tmp_path / f"{case.id}-{len(exported(store.root))}.zip"
    export_case(case, target)
    return target


def test_ones_own_cases_count_and_another_picture_does_not(here):
    _, pixels = looked(here, tests=2, searches=3)
    _, other = looked(here, tests=1, searches=0, seed=5)
    assert count(here, pixels) == (2, 3) and count(here, other) == (1, 0)
    same = earlier(looks_at(here, pixels), ("policy0", "controls", ""), search_id="now", model=MODEL.fingerprint)
    assert (same.tests, same.searches, same.models, same.works) == (1, 3, 0, 1)
    elsewhere = earlier(looks_at(here, pixels), TEST, search_id="now", model="another")
    assert (elsewhere.tests, elsewhere.searches, elsewhere.models, elsewhere.works) == (0, 5, 1, 1)


def reencoded(rgb: np.ndarray) -> np.ndarray:
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=70)
    return np.asarray(Image.open(out).convert("RGB"))


def one_pixel(rgb: np.ndarray) -> np.ndarray:
    changed = rgb.copy()
    changed[5, 7] = 255 - changed[5, 7]
    return changed


ATTACKS = {"a changed pixel": one_pixel, "a crop": lambda rgb: rgb[4:-4, 3:-3], "another file": reencoded,
           "mirrored": lambda rgb: rgb[:, ::-1], "brighter": lambda rgb: (rgb * 0.8 + 40).astype(np.uint8)}


@pytest.mark.parametrize("way", ATTACKS)
def test_a_changed_picture_is_no_new_one(here, way):
    """Attack: the picture is altered a little, so that its earlier tests seem to be of another."""
    _, rgb = looked(here, tests=2, searches=1)
    assert count(here, np.ascontiguousarray(ATTACKS[way](rgb))) == (2, 1)


def test_of_blank_pages_only_the_very_same_is_the_same(here):
    case = here.create("Blank")
    page = np.full((64, 64, 3), 250, np.uint8)
    subject = case.add_subject(png_bytes(page), "page.png")
    case.commit(SearchPlan("q", subject.id, {"prompt": "x"}, MODEL, "c" * 64, "e" * 64, 1))
    assert count(here, page) == (0, 1) and count(here, np.full((64, 64, 3), 240, np.uint8)) == (0, 0)
    assert count(here, one_pixel(page)) == (0, 0)


def late(store: CaseStore, rgb: np.ndarray, caption: str) -> bool:
    test = ("policy", "controls", caption)
    return earlier(looks_at(store, rgb), test, search_id="now", model=MODEL.fingerprint).caption_late


def test_a_caption_counts_only_where_it_was_logged_before_any_replay(tmp_path):
    """Attack: captions are tried in searches, and the one that worked is then given as the picture's own."""
    moments = iter(f"2026-01-01T00:00:{n:02}+00:00" for n in range(60))
    store = CaseStore(tmp_path, clock=lambda: next(moments))
    rgb, case = picture(3, noise=0.2), store.create("Tried")
    subject = case.add_subject(png_bytes(rgb), "ball.png", caption="a ball")
    assert not late(store, rgb, "a ball")
    case.commit(make_replay(seed=1, subject_id=subject.id, search_id="tried"))
    assert not late(store, rgb, "a ball") and late(store, rgb, "a red ball on grass")
    case.add_subject(png_bytes(rgb), "ball.png", caption="a red ball on grass")
    assert late(store, rgb, "a red ball on grass")
    store.create("Anew").add_subject(png_bytes(one_pixel(rgb)), "b.png", caption="a red ball on grass")
    assert late(store, one_pixel(rgb), "a red ball on grass")
    assert not late(store, one_pixel(rgb), "a ball") and not late(store, rgb, "")


def test_the_other_sides_package_spends_nobodys_test(here, there, tmp_path):
    case, pixels = looked(there, tests=3, searches=4)
    import_package(here, sent(there, case, tmp_path)).close()
    assert count(here, pixels) == (0, 0) and count(there, pixels) == (3, 4)


def test_a_demonstration_spends_nobodys_test(here):
    stories = [t for t in read() if t.replays]
    case = open_told(here, stories[0], folder=FOLDER)
    pixels = [read_png(case.blob(s.pixels_sha256)) for s in case.subjects()]
    assert case.records(SearchPlan) and [count(here, p) for p in pixels] == [(0, 0)] * len(pixels)


def test_a_package_of_ones_own_that_comes_back_counts_once_and_stays_after_its_case(here, tmp_path):
    case, pixels = looked(here, tests=2, searches=1)
    package = sent(here, case, tmp_path)
    import_package(here, package).close()
    import_package(here, package).close()
    assert count(here, pixels) == (2, 1)
    case.close()
    here.delete(case.id)
    assert count(here, pixels) == (2, 1)


def test_what_the_other_side_added_to_ones_own_package_does_not_count(here, there, tmp_path):
    case, pixels = looked(here, tests=1, searches=1)
    package = sent(here, case, tmp_path)
    case.close()
    here.delete(case.id)

    def forge(entries):
        plan = next(e for e in entries if e.kind == "SearchPlan")
        test = next(e for e in entries if e.kind == "Measured")
        for number, old in enumerate([plan, test, test] * 4):
            data = {**old.body["data"], "id": f"forged{number}", "policy": f"forged{number}"}
            body = {**old.body, "key": f"forged{number}", "data": data}
            if old.kind == "SearchPlan":
                data.pop("policy")
            bare = dataclasses.replace(old, seq=len(entries) + 1, prev=entries[-1].hash, body=body)
            entries.append(dataclasses.replace(bare, hash=hash_of(bare)))
        return entries
    forged = rebuild(package, tmp_path / "forged.zip", forge)
    import_package(here, forged).close()
    assert len(here.open(here.list()[0].id).plans(case_subject(here))) == 6
    assert count(here, pixels) == (1, 1)


def case_subject(store: CaseStore) -> str:
    return store.open(store.list()[0].id).subjects()[0].id


def test_on_a_shared_server_the_exports_of_another_person_are_another_persons(tmp_path):
    ada, bob = (CaseStore(tmp_path / "cases", person=f"https://login.example#{p}") for p in ("ada", "bob"))
    case, pixels = looked(ada, tests=2, searches=0)
    package = sent(ada, case, tmp_path)
    import_package(bob, package).close()
    import_package(ada, package).close()
    assert count(ada, pixels) == (2, 0) and count(bob, pixels) == (0, 0)


def test_a_damaged_list_of_exports_is_read_as_far_as_it_goes(tmp_path):
    (tmp_path / FILE).write_bytes(b"\xff\xfe\n%s ada\nshort ada\n%s bob\n%s" % (b"a" * 64, b"b" * 64, b"c" * 64))
    assert exported(tmp_path) == {"a" * 64, "b" * 64, "c" * 64}
    assert exported(tmp_path, "ada") == {"a" * 64} and exported(tmp_path / "none") == set()


def example(store: CaseStore, *, story: str = "copied", searches: int = 1) -> tuple[Case, np.ndarray, str]:
    """A demonstration of one of the world's examples with one measured test and so many plain searches."""
    work = next(e for e in read_examples(WORLD) if e.story == story)
    case = store.create("Shown")
    subject = case.add_subject(work.picture(WORLD), f"{work.title}.webp", origin="example", work_id=work.id)
    for number in range(1 + searches):
        search = f"{case.id}-{number}"
        case.commit(SearchPlan(search, subject.id, {"prompt": "a duck"}, MODEL, "c" * 64, "e" * 64, 1))
    replay = make_replay(seed=0, subject_id=subject.id, search_id=f"{case.id}-0")
    replay = dataclasses.replace(replay, id=f"r{case.id}", recipe=dataclasses.replace(replay.recipe, model=MODEL))
    case.commit(replay)
    case.commit(Measured(f"{case.id}-0", subject.id, "policy0", "a duck", 0.3, replay.id, Effort(1, 20, 1.0), {},
                         "controls"))
    return case, read_png(case.blob(subject.pixels_sha256)), work.id


def test_demonstrations_of_one_picture_spend_neither_each_other_nor_ones_own_test(here):
    first, pixels, _ = example(here)
    second, _, _ = example(here)
    assert count(here, pixels) == (0, 0)
    for case in (first, second):
        mine = looks_at(here, pixels, demonstration=case.id)
        mine = earlier(mine, TEST, search_id="now", model=MODEL.fingerprint)
        assert (mine.tests, mine.searches, mine.works) == (1, 1, 0)


def test_ones_own_look_at_a_bundled_picture_counts_for_oneself_and_not_for_a_demonstration(here):
    shown, pixels, work_id = example(here)
    own = here.create("Brought in")
    subject = own.add_subject(shown.blob(shown.subjects()[0].sha256), "duck.webp", work_id=work_id)
    own.commit(SearchPlan("own", subject.id, {"prompt": "a duck"}, MODEL, "c" * 64, "e" * 64, 1))
    assert count(here, pixels) == (0, 1)
    assert set(looks_at(here, pixels, demonstration=shown.id).found) == {f"{shown.id}-0", f"{shown.id}-1"}


def test_a_picture_that_only_says_it_is_an_example_counts(here):
    case = here.create("Says so")
    for work_id in ("", "oca-e46b6215", "../../settings"):
        subject = case.add_subject(png_bytes(picture(9)), "ball.png", origin="example", work_id=work_id)
        assert not is_demonstration(subject)
    case.commit(SearchPlan("own", subject.id, {"prompt": "a ball"}, MODEL, "c" * 64, "e" * 64, 1))
    assert count(here, picture(9)) == (0, 1)


@pytest.mark.parametrize("told", [t for t in read() if t.replays < 100], ids=lambda t: t.story)
def test_every_finished_example_is_known_as_one(here, told):
    case = open_told(here, told)
    assert all(is_demonstration(subject) for subject in case.subjects())
