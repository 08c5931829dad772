"""Finished cases of the bundled world: opened at once, read-only, each with its story and a live run."""

from __future__ import annotations

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.finding import Measured
from explorer.findings.series import distinct
from explorer.findings.verdict import policy_of
from explorer.jobs.flows import new_search_id
from explorer.jobs.tasks import RecoverSeed
from explorer.records import Replay, ReplaySettings, Start, Subject, from_json
from explorer.records.scans import SeedScan
from explorer.settings import WORLD
from explorer.world.demonstrations import is_demonstration
from explorer.world.example_cases import FOLDER, Told, open_told, read
from explorer.world.figures import Card, read_card
from pages.findings import planes
from pages.replay import replay_cards
from pages.report import share
from pages.shared import frame, state, widgets
from pages.shared.texts import minutes, plain, say
from pages.tasks import submit

STEPS = ("neighbours", "replay", "findings", "report")  # where a story's case can be looked at further
SHOWN = 12


def known() -> list[Told]:
    """The finished cases that belong to the bundled world; none where either is missing."""
    card = read_card(WORLD)
    return read(FOLDER, world=card.fingerprint) if card else []


def cards(found: list[Told], *, columns: int = 4) -> None:
    """The stories side by side: picture, title, one line, and the button that opens it."""
    for start in range(0, len(found), columns):
        for column, told in zip(st.columns(columns), found[start:start + columns], strict=False):
            with column.container(border=True, height="stretch"):
                alt = (say("works.alt", title=told.work_title, creator=told.creator) if told.work_id
                       else say(f"told.{told.story}_alt"))
                widgets.picture(told.picture(), width_px=200, alt=alt)
                st.markdown(f"**{say(f'told.{told.story}')}**")
                st.caption(say(f"told.{told.story}_line", **_words(told)))
                if st.button(say("told.open"), key=f"story_{told.story}", icon=":material/auto_stories:"):
                    state.go("examples", story=told.story, replay="")


def chosen(found: list[Told]) -> Told | None:
    """The story that the address names."""
    wanted = state.remembered("story")
    return next((t for t in found if t.story == wanted), None)


def draw(now: state.Here, told: Told) -> None:
    """One story: the pair to slide over, two paragraphs, the run of one's own, every replay behind it."""
    with st.spinner(say("told.opening", n=told.replays)):
        case = open_told(now.store, told)
    subject = case.subjects()[0]
    if state.remembered("case") != case.id:
        state.remember(case=case.id, subject=subject.id, replay="", search="", work="")
    if st.button(say("told.back"), icon=":material/arrow_back:", type="tertiary"):
        state.remember(story="")
        st.rerun()
    st.header(say(f"told.{told.story}"), anchor=False)
    left, right = st.columns([1, 1], gap="large")
    picked = _picked(case, told)
    with left:
        replay_cards.beside(case, subject, picked, key=f"story_{told.story}", widest_px=480)
        st.caption(replay_cards.how_made(picked, subject))
        st.caption(say("compare.size", width=picked.recipe.width_px, height=picked.recipe.height_px))
    with right:
        words = _words(told)
        st.markdown(say(f"told.{told.story}_first", **words))
        st.markdown(say(f"told.{told.story}_second", **words))
        _double(told, words)
        _try(now, case, subject, told)
        share.draw(case, subject, picked, title=say(f"told.{told.story}"), source=say(
            "told.source" if told.work_id else f"told.{told.story}_source", title=told.work_title,
            creator=told.creator))
    _every(case, subject, told)
    st.subheader(say("plane.title"), anchor=False)
    clicked = planes.plane(case, subject, score="tiled_l2", key=f"plane_{told.story}")
    if clicked and clicked != st.session_state.get("plane_clicked"):
        st.session_state["plane_clicked"] = clicked
        state.remember(replay=clicked)
        st.rerun()
    _further(case, subject)


def _double(told: Told, words: dict[str, str]) -> None:
    """The other work that a story is about, where it names one."""
    if "double_id" in told.figures:
        path = WORLD / "works" / f"{told.figures['double_id']}.webp"
        line = say(f"told.{told.story}_double", **words)
        widgets.picture(path.read_bytes(), width_px=160, alt=line)
        st.caption(line)


def _picked(case: Case, told: Told) -> Replay:
    wanted = state.remembered("replay")
    first = told.given_replay if told.story == "shown_the_answer" else told.noise_replay
    found = {r.id: r for r in case.replays(case.subjects()[0].id, limit=-1)}
    return found.get(wanted) or found[first]


def _try(now: state.Here, case: Case, subject: Subject, told: Told) -> None:
    plans = case.plans(subject.id)
    tries = plans[-1].planned_tries if plans else told.replays
    st.caption(say("told.try_text", n=tries, time=minutes(told.computing_s)))
    if st.button(say("told.try"), type="primary", icon=":material/play_arrow:", key="try_story"):
        run_again(now, case, subject)


def only_read(now: state.Here) -> bool:
    """True where the case came from a package: says so, and offers to run the same in a case of one's own."""
    if not now.open_case.read_only:
        return False
    st.info(say("subject.read_only"), icon=":material/lock:")
    if st.button(say("subject.own_case"), icon=":material/content_copy:", key="own_case"):
        run_again(now, now.open_case, now.open_subject)
    return True


def run_again(now: state.Here, case: Case, subject: Subject) -> None:
    """The same image and settings in a case of one's own, put on the queue; opens where its answer will stand.

    An example is run as it was made: with the bundled model, its own measured test, and its scan for the seed.
    """
    own = now.store.create(case.title, question=case.facts().get("question", ""))
    mine = own.add_subject(case.blob(subject.sha256), subject.name, origin=subject.origin,
                           caption=subject.caption, work_id=subject.work_id)
    scans = case.records(SeedScan, subject_id=subject.id)
    if is_demonstration(mine):
        tests = case.records(Measured, subject_id=subject.id)
        flow = submit.demonstrate(now, own.id, mine.id, _settings(case, subject, 0),
                                  policy_of(tests[0]) if tests else None)
        for scan in scans[:1]:
            submit.submit(now, RecoverSeed(own.id, mine.id, new_search_id(), scan.first, scan.stop),
                          after=flow.replays)
    else:
        flow = submit.run_all(now, own.id, mine.id, _settings(case, subject, -1))
    state.go("replay" if scans else "subject", case_id=own.id, subject_id=mine.id, story="", search=flow.search_id)


def _settings(case: Case, subject: Subject, which: int) -> ReplaySettings:
    """Those of one of the case's searches that were no measured test; the usual ones where there is none."""
    measured = {test.id for test in case.records(Measured, subject_id=subject.id)}
    plans = [plan for plan in case.plans(subject.id) if plan.id not in measured]
    return from_json(ReplaySettings, plans[which].settings) if plans else submit.default_replays()


def _every(case: Case, subject: Subject, told: Told) -> None:
    """From noise first; what was given the picture in a row of its own, last."""
    ordered = distinct(case.replays(subject.id, order_by="tiled_l2", limit=-1))
    rows = [[r for r in ordered if (r.recipe.start(subject) is Start.NOISE) == plain_noise][:SHOWN]
            for plain_noise in (True, False)]
    st.subheader(say("told.every", n=case.count_replays(subject.id)), anchor=False)
    st.caption(say("told.every_text", scale=replay_cards.reading("tiled_l2")))
    _row(case, told, rows[0], key=f"told_{told.story}")
    if rows[1]:
        st.subheader(say("overview.given"), anchor=False)
        st.caption(say("overview.given_text"))
        _row(case, told, rows[1], key=f"told_given_{told.story}")


def _row(case: Case, told: Told, found: list[Replay], *, key: str) -> None:
    shown = _picked(case, told).id
    items = [replay_cards.item(case, r, n, "tiled_l2") for n, r in enumerate(found, 1)]
    picked = widgets.gallery(items, key=key, label=say("replay.gallery"), chosen=shown, cell_px=132)
    if picked and picked != shown:
        state.remember(replay=picked)
        st.rerun()


def _further(case: Case, subject: Subject) -> None:
    st.subheader(say("told.further"), anchor=False)
    st.caption(say("told.read_only"))
    with st.container(horizontal=True):
        for step in STEPS:
            st.page_link(frame.script(step), label=say(f"nav.{step}"), icon=f":material/{frame.ICONS[step]}:",
                         query_params={"case": case.id, "subject": subject.id})


def _words(told: Told) -> dict[str, str]:
    """What the sentences of a story may quote, each figure from the case itself."""
    card: Card | None = read_card(WORLD)
    return {
        "title": plain(told.work_title), "creator": plain(told.creator), "n": str(told.multiplicity),
        "replays": str(told.replays), "noise": f"{told.noise:.3f}", "seed": f"{told.noise_seed:,}",
        "given": "" if told.given is None else f"{told.given:.3f}", "strength": f"{told.strength:g}",
        "neighbour": plain(told.neighbour_title), "neighbour_creator": plain(told.neighbour_creator),
        "neighbour_copies": str(told.neighbour_multiplicity), "similarity": f"{told.similarity:.2f}",
        "limit": f"{card.near_copy:g}" if card else "", "margin": f"{card.margin:g}" if card else "",
        **_rates(card, told.multiplicity), **{k: _figure(k, v) for k, v in told.figures.items()}}


def _figure(name: str, value: float | str) -> str:
    """A figure that one story quotes, as people read it; a chance as the n of "1 in n"."""
    if isinstance(value, str):
        return plain(value)
    if name == "chance":
        return f"{float(f'{1 / value:.2g}'):,.0f}" if value else ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.1f}" if name.endswith("_bits") else f"{value:.3f}"


def _rates(card: Card | None, copies: int) -> dict[str, str]:
    """The share of works that came back in the world's own measurement: most copied, never seen, as often seen."""
    if card is None or not card.doses:
        return dict.fromkeys(("most", "most_works", "none", "none_works", "none_median", "dose", "dose_works"), "")
    most, none = card.doses[-1], card.doses[0]
    same = next((d for d in card.doses if d.copies == copies), none)
    return {"most": f"{100 * most.share:.1f}", "most_works": str(most.works),
            "none": f"{100 * none.share:.2f}", "none_works": str(none.works),
            "none_median": f"{none.distance:.2f}", "dose": f"{100 * same.share:.1f}",
            "dose_works": str(same.works)}
