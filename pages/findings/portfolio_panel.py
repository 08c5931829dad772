"""Many works in one case: dropped together, run one after the other, listed by how close each came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from explorer.cases.case import Case
from explorer.findings.case_tests import portfolio_of
from explorer.findings.case_works import WorkRow, works_of
from explorer.findings.portfolio import Portfolio, PortfolioRow
from explorer.findings.portfolio_words import headline
from explorer.jobs.flows import own_test
from explorer.records import Effort, ReplaySettings
from explorer.records.scores import SCORES, shown
from explorer.search.expand import PlanSummary, summarise
from explorer.settings import save_settings
from pages.findings import fit_panel
from pages.replay import replay_cards
from pages.shared import pickers, state, upload, widgets
from pages.shared.texts import plain, say
from pages.tasks import live, submit

SCORE = "tiled_l2"
COLUMNS = 2
PAIR_PX = 320


def drop(now: state.Here) -> None:
    """The drop zone for several files or a whole folder; what is refused is named with its reason."""
    way = st.segmented_control(say("portfolio.way"), ("files", "folder"), default="files", required=True,
                               format_func=lambda w: say(f"portfolio.way_{w}"), key="portfolio_way")
    files = st.file_uploader(say("portfolio.drop"), type=upload.TYPES, help=say("begin.drop_help"),
                             accept_multiple_files="directory" if way == "folder" else True,
                             key=upload.uploader(f"portfolio_{way}"))
    if files and st.button(say("begin.add", n=len(files)), type="primary", key="add_portfolio"):
        upload.take(now, [(f.name, f.getvalue()) for f in files], "portfolio")


def accepted(case: Case) -> None:
    """How many files were accepted, and each refused one with its reason, as the case's log has it."""
    refused = case.get(upload.REFUSED, [])
    st.markdown(say("portfolio.accepted", n=len(case.subjects()), refused=len(refused)))
    if refused:
        with st.expander(say("portfolio.refused", n=len(refused)), icon=":material/block:", expanded=True):
            st.markdown("\n".join(f"- {plain(reason)}" for reason in refused))


def settings_form() -> ReplaySettings:
    """How much effort each work gets."""
    seeds = st.slider(say("portfolio.seeds"), 4, 128, submit.TRY_SEEDS, 4, help=say("tip.seeds"), key="each")
    return ReplaySettings(prompt="", seeds=seeds)


def start(now: state.Here, rows: Sequence[WorkRow]) -> None:
    """What running all of them takes, what to expect, and the button."""
    if submit.active(now, *live.LOOP):
        if now.settings.model == "world":
            st.info(say("portfolio.never_saw"), icon=":material/science:")
        return  # what runs, and how far it is, stands at the list
    waiting = [r for r in rows if not r.tries]
    if not waiting:
        st.markdown(say("portfolio.all_run"))
        return
    settings = settings_form()
    controls(now)
    info = submit.model_info(now)
    if info is None:
        st.caption(say("replay.unknown_model"))
        submit.looked_at(now)
    else:
        _plan(now, rows, len(waiting), summarise(settings, info))
    fit_panel.draw(now, own_test(now.settings, info).controls if info else "")
    bundled = now.settings.model == "world"
    st.info(say("portfolio.never_saw" if bundled else "portfolio.other_model"), icon=":material/science:")
    if st.button(say("portfolio.run", n=len(waiting)), type="primary", icon=":material/play_arrow:",
                 disabled=now.open_case.read_only):
        for row in waiting:
            submit.run_all(now, now.open_case.id, row.subject.id, settings)
        state.remember(search="")
        st.rerun()


def controls(now: state.Here) -> None:
    """For another model than the bundled one: the controls that all works are tested against, chosen once."""
    if now.settings.model == "world":
        return
    kept = now.settings.controls
    st.markdown(say("portfolio.controls_in_use", path=kept) if kept else say("portfolio.controls_open"))
    with st.expander(say("portfolio.controls_choose"), icon=":material/compare:", expanded=not kept):
        st.caption(say("portfolio.controls_text"))
        chosen = pickers.folder(now, "portfolio_controls", now.settings.roots, adds="collection_folders")
    if chosen and chosen != kept:
        save_settings(replace(now.settings, controls=chosen))
        st.rerun()


def _plan(now: state.Here, rows: Sequence[WorkRow], waiting: int, plan: PlanSummary) -> None:
    """What the works that wait will take: the replays of each and, where one is made, its measured test."""
    info, policy = submit.model_info(now), own_test(now.settings, submit.model_info(now)).policy
    test = policy.effort(info.family) if policy and info else Effort()
    evaluations = (plan.unet_evaluations + test.unet_evaluations) * waiting
    time = submit.time_for(now, evaluations, [r.closest for r in rows if r.closest])
    st.markdown(say("portfolio.plan", works=waiting, tries=(plan.tries + test.tries) * waiting,
                    tested=say("portfolio.tested", n=test.tries) if policy else "",
                    evaluations=f"{evaluations:,}", time=time))


def listed() -> None:
    """The jobs under way, and every work beside its closest replay."""
    here = state.here()
    case = here.case
    if case is None:
        return
    rows = works_of(case, score=SCORE)
    if submit.active(here, *live.LOOP):
        st.markdown(say("portfolio.under_way", done=sum(r.tries > 0 for r in rows), total=len(rows)))
    live.panel(here, *live.LOOP)
    ranking = portfolio_of(case)
    if any(r.tries for r in rows):
        _answer(ranking)
    st.caption(say("portfolio.order_ranked" if ranking else "portfolio.order"))
    places = {r.work.subject_id: r for r in ranking.rows} if ranking else {}
    if places:
        rows = sorted(rows, key=lambda r: places[r.subject.id].rank if r.subject.id in places else len(rows) + 1)
    for first in range(0, len(rows), COLUMNS):
        for column, row in zip(st.columns(COLUMNS), rows[first:first + COLUMNS], strict=False):
            with column.container(border=True, height="stretch"):
                _one(case, row, places.get(row.subject.id), said=ranking.statement if ranking else "")


def _answer(ranking: Portfolio | None) -> None:
    """One sentence on all works; what it rests on is folded."""
    st.subheader(headline(ranking), anchor=False)
    if ranking is None:
        st.caption(say("portfolio.no_controls"))
        return
    with st.expander(say("portfolio.judged"), icon=":material/balance:"):
        st.markdown(plain(ranking.statement))
        st.markdown("\n".join(f"- {plain(limit)}" for limit in ranking.limits))


def _one(case: Case, row: WorkRow, place: PortfolioRow | None, *, said: str) -> None:
    """A work and its closest replay, each half the column wide, and one line on it."""
    mine, theirs = st.columns(2)
    subject = row.subject
    with mine:
        widgets.thumbnail(case, subject.pixels_sha256, width_px=PAIR_PX, alt=say("subject.alt", name=subject.name))
    if row.closest:
        with theirs:
            widgets.thumbnail(case, row.closest.image_sha256, width_px=PAIR_PX, alt=say("portfolio.closest_alt"))
    st.markdown(f"**{plain(subject.name)}**" + (f": {_place(place, said)}" if place else ""))
    value = row.value(SCORE)
    st.caption(say("portfolio.waiting") if value is None else say(
        "portfolio.line", label=SCORES[SCORE].label, value=shown(SCORE, value), tries=row.tries,
        scale=replay_cards.reading(SCORE)))
    if st.button(say("portfolio.open"), key=f"work_{subject.id}", icon=":material/arrow_forward:"):
        state.go("findings" if row.tries else "subject", case_id=case.id, subject_id=subject.id)


def _place(place: PortfolioRow, said: str) -> str:
    if place.p is None and place.why_no_p in said:
        return say("portfolio.no_p_said")
    if place.p is None:
        return say("portfolio.no_p", why=plain(place.why_no_p))
    q = f"{place.q:.3f}" if place.q is not None else "–"
    return say("portfolio.close" if place.listed else "portfolio.not_close", p=f"{place.p:.3f}", q=q)


def needed(now: state.Here) -> bool:
    """True where the open case holds several works; else the page begins a new one."""
    return now.case is not None and len(now.case.subjects()) > 1
