"""The answer stands first, under the model that gave it; the model under test is named on every page."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.cases.store import CaseStore
from explorer.clip.known_clips import CONFIG, WEIGHTS, belongs_to
from explorer.diffusion.known import KNOWN
from explorer.jobs.queue import Queue
from explorer.records import Subject
from explorer.records.policy import Policy
from explorer.settings import WORLD, load_settings, save_settings
from explorer.setup.switch import switch_to
from explorer.world.example_cases import open_told, read
from explorer.world.example_picks import read_examples
from pages.report.share import made_by
from pages.shared import model_names
from pages.shared.texts import say
from tests.findings.test_verdict import CONTROLS, OTHER, measure
from tests.pages.test_pages import EVERY, press, written

TOLD = {t.story: t for t in read()}
BUNDLED = say("chip.testing", model=say("chip.world"))


def story(home, name: str = "comes_back") -> tuple[str, str]:
    case = open_told(CaseStore(home / "cases"), TOLD[name])
    return case.id, case.subjects()[0].id


def names_of(block, kinds: tuple[str, ...]) -> list[str]:
    """Labels and words of these kinds of elements, in the order in which they stand."""
    found = []
    for child in getattr(block, "children", {}).values():
        if child.type in kinds:
            popover = child.proto.popover.label if child.type == "popover" else ""
            found.append(str(popover or getattr(child, "label", "") or child.value))
        found += names_of(child, kinds)
    return found


def use(home, source: str) -> None:
    save_settings(dataclasses.replace(load_settings(home), model=source))


@pytest.mark.parametrize("name", EVERY)
def test_every_page_names_the_model_under_test(opened, name):
    assert BUNDLED in names_of(opened(name).main, ("popover",))


def test_the_chip_names_another_model_and_switches_back(opened, home):
    use(home, "/models/stable-diffusion-v1-5")
    app = opened("findings")
    assert say("chip.testing", model="stable\\-diffusion\\-v1\\-5") in names_of(app.main, ("popover",))
    app.radio[0].set_value("world").run()
    app = press(app, say("chip.use"))
    assert load_settings(home).model == "world" and BUNDLED in names_of(app.main, ("popover",))


def test_the_clip_goes_with_the_model(home):
    settings = dataclasses.replace(load_settings(home), model="/models/sd", clip="/clips/other")
    assert (switch_to("world", settings).clip, load_settings(home).collection) == ("world", "world")
    assert switch_to("/models/sd", settings, family="sd1").clip == "/clips/other"  # its own is not here
    folder = belongs_to("sd1").folder(home)
    folder.mkdir(parents=True)
    for name in (CONFIG, WEIGHTS):
        (folder / name).write_bytes(b"{}")
    assert switch_to("/models/sd", load_settings(home), family="sd1").clip == str(folder)


def test_names_are_short_whatever_the_source():
    assert model_names.short("world") == say("chip.world")
    assert model_names.short(KNOWN[0].source) == KNOWN[0].name
    assert model_names.short("C:\\models\\dream.safetensors") == "dream.safetensors"
    assert model_names.short("runwayml/sd@abc + /l/one.safetensors*1") == "sd@abc + 1"
    assert len(model_names.short("/m/" + "x" * 300)) == model_names.LONGEST


@pytest.mark.parametrize("page", ["findings", "subject"])
def test_the_answer_stands_before_everything_else(opened, home, page):
    app = opened(page, story(home))
    assert not app.exception and not app.error
    order = names_of(app.main, ("subheader", "metric", "expander", "header"))
    assert order[:2] == [say("verdict.stands_out"), say("verdict.p")]
    assert app.metric[0].value == "0.00249" and len(app.metric) == 1
    text = written(app)
    assert say("verdict.line", at_least=0, controls=400) in text
    assert say("verdict.mine") in text and say("verdict.replay", seed=10) in text


def test_a_work_that_does_not_stand_out_says_so_and_what_that_does_not_show(opened, home):
    text = written(opened("findings", story(home, "same_artist")))
    assert say("verdict.does_not_stand_out") in text and say("verdict.does_not_stand_out_limit") in text
    assert text.count(say("verdict.does_not_stand_out_limit")) == 1


def test_controls_that_do_not_fit_give_a_reason_and_no_number(opened, home):
    app = opened("findings", story(home, "now_and_then"))
    assert say("verdict.controls_do_not_fit") in written(app) and not app.metric


def test_what_was_given_the_picture_stands_last_in_a_row_of_its_own(opened, home):
    headers = names_of(opened("subject", story(home)).main, ("header",))
    assert headers == [say("overview.replay"), say("overview.neighbours"), say("overview.prompt"),
                       say("overview.given")]


def test_the_hash_of_the_file_is_folded_away(opened, case, home):
    app = opened("subject", case)
    sha = CaseStore(home / "cases").open(case[0]).subjects()[0].sha256
    fold = next(e for e in app.expander if e.label == say("subject.file"))
    assert sha in fold.markdown[0].value
    assert [m.value for m in app.markdown if sha[:12] in m.value] == [fold.markdown[0].value]


def test_the_button_says_beforehand_that_it_runs_the_one_test_and_offers_to_set_it_first(opened, case):
    app = opened("subject", case)
    assert say("subject.run_test", seeds=16, controls=400) in written(app)
    app = press(app, say("subject.set_first"))
    assert app.title[0].value == say("findings.title")
    assert next(e for e in app.expander if e.label == say("answer.test_first")).proto.expanded


def test_with_a_model_without_comparison_pictures_no_test_is_promised(opened, case, home):
    use(home, "/models/other")
    assert say("subject.run_no_test") in written(opened("subject", case))


def test_labels_of_the_bundled_models_training_stand_with_that_model_only(opened, case, home):
    assert say("works.copies", n=4) in str(works_of(opened("neighbours", case)))
    use(home, "/models/other")
    other = opened("neighbours", case)
    assert not other.exception and say("works.copies", n=4) not in str(works_of(other))
    assert say("order.multiplicity") not in str([g.options for g in other.button_group])


def works_of(app) -> list[str]:
    return [child.proto.json for child in walk(app.main) if child.type == "bidi_component"] + [written(app)]


def walk(block):
    for child in getattr(block, "children", {}).values():
        yield child
        yield from walk(child)


def test_results_of_other_models_are_folded_under_their_own_name(opened, home):
    at = story(home)
    store = CaseStore(home / "cases")
    taken = store.open(at[0])
    own = store.create("Mine")
    subject = own.add_subject(taken.blob(taken.subjects()[0].sha256), "duck.webp")
    own.commit(dataclasses.replace(CONTROLS, model_fingerprint=OTHER.fingerprint))
    measure(own, "two", "does_not_stand_out", model=OTHER, p=0.7, replay=False)
    app = opened("findings", (own.id, subject.id))
    assert not app.exception and not app.error
    assert say("verdict.none") in written(app)
    fold = next(e for e in app.expander if e.label == say("verdict.others", n=1))
    assert "other" in fold.markdown[0].value


def test_the_answer_is_there_while_the_rest_of_the_loop_still_runs(opened, case, home):
    press(opened("subject", case), say("subject.run"))
    own = CaseStore(home / "cases").open(case[0])
    own.commit(CONTROLS)
    measure(own, "one", "stands_out", p=0.02, replay=False)
    app = opened("subject", case)
    assert not app.exception and not app.error
    order = names_of(app.main, ("subheader", "metric", "header"))
    assert order[:2] == [say("verdict.stands_out"), say("verdict.p")] and app.metric[0].value == "0.02"
    text = written(app)
    assert say("state.queued") in text and say("subject.run_tested") in text
    assert next(b for b in app.button if b.label == say("subject.run")).disabled


def test_running_a_finished_example_again_runs_its_own_test_on_the_bundled_model(opened, home):
    use(home, "/models/other")
    app = opened("examples")
    app = next(b for b in app.button if b.key == "story_comes_back").click().run()
    app = press(app, say("told.try"))
    jobs = {j.name: j.task for j in Queue(load_settings(home).database).active()}
    assert jobs["MeasureSubject"].policy == Policy("caption") and jobs["MeasureSubject"].model == "world"
    assert jobs["RunSearch"].model == "world" and app.title[0].value == say("subject.title")


def test_the_example_of_a_seed_is_scanned_again(opened, home):
    app = opened("examples")
    app = next(b for b in app.button if b.key == "story_seed_found").click().run()
    app = press(app, say("told.try"))
    jobs = {j.name: j.task for j in Queue(load_settings(home).database).active()}
    assert "MeasureSubject" not in jobs and jobs["RecoverSeed"].stop == TOLD["seed_found"].figures["scanned"]
    assert app.title[0].value == say("replay.title")


def test_an_example_on_the_start_page_runs_on_the_bundled_model(opened, home):
    use(home, "/models/other")
    press(opened("start"), say("start.try"))
    jobs = {j.name: j.task for j in Queue(load_settings(home).database).active()}
    assert {jobs[n].model for n in ("MeasureSubject", "RunSearch")} == {"world"}


def test_the_picture_for_an_article_names_the_model_in_words(home):
    store = CaseStore(home / "cases")
    for name, words in (("comes_back", say("share.model_seen", n=256)), ("same_artist", say("share.model_never")),
                        ("seed_found", say("share.model_world"))):
        case = store.open(story(home, name)[0])
        subject = case.subjects()[0]
        assert made_by(subject, case.replays(subject.id, limit=1)[0].recipe) == words
    work = next(e for e in read_examples(WORLD) if e.story == "copied")
    mine: Subject = store.create("Mine").add_subject(work.picture(WORLD), "duck.webp", work_id=work.id)
    case = store.open(story(home)[0])
    assert made_by(mine, case.replays(case.subjects()[0].id, limit=1)[0].recipe) == say("share.model_world")
