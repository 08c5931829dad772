"""The pictures: one's own works, what to compare them with, and the controls with the check of their fit."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.cases.case import Case
from explorer.errors import ExplorerError
from explorer.findings.control_check import MATCHED, USUAL, ControlCheck
from explorer.folders import usable_root
from explorer.jobs import launch
from explorer.records import from_json
from explorer.settings import save_settings
from explorer.setup import start
from explorer.setup.choices import Choices
from explorer.setup.dropped import keep_dropped
from explorer.texts.dates import month
from pages.setup import steps
from pages.shared import state, upload, widgets
from pages.shared.state import Here
from pages.shared.texts import plain, retold, say
from pages.tasks import live, submit

SHOWN = 8  # of one's pictures


def own_case(now: Here) -> Case | None:
    """The open case, if it is one's own: a demonstration, or another's package, is not tested here."""
    return now.case if now.case is not None and not now.case.read_only else None


def works(now: Here, found: Choices) -> Choices:
    """One's own pictures, dropped here or already in the case, and what neighbours are looked for in."""
    case = own_case(now)
    if case is not None and case.subjects():
        subjects = case.subjects()
        st.markdown(say("setup.works_here", n=len(subjects), case=plain(case.title)))
        widgets.thumbnails(case, [(s.pixels_sha256, say("subject.alt", name=s.name)) for s in subjects[:SHOWN]],
                           width_px=72)
    else:
        st.markdown(say("setup.works_text"))
        _kept_case(now, found)
        upload.drop(now if case else state.fresh(now), "setup")
        upload.outcome()
    with st.expander(say("setup.compare_title"), expanded=bool(found.collection)):
        found = _compared(now, found)
    return found


def _kept_case(now: Here, found: Choices) -> None:
    """A button that opens the case of these decisions again, where it is not open: it is never taken unasked."""
    try:
        case = now.store.open(found.case)
    except ExplorerError:  # none was kept, or it is gone
        return
    title = case.title if case.subjects() and not case.read_only else ""
    case.close()
    if title:
        st.button(say("setup.works_again", case=plain(title)), key="setup_works_again", on_click=state.remember,
                  icon=":material/folder_open:", kwargs={**dict.fromkeys(state.KEPT, ""), "case": found.case})


def _compared(now: Here, found: Choices) -> Choices:
    st.markdown(say("setup.compare_text"))
    ways = ("none", "folder", "address")
    first = "none" if not found.collection else "address" if "://" in found.collection else "folder"
    way = st.segmented_control(say("setup.compare_way"), ways, default=first, required=True, key="setup_compare",
                               format_func=lambda w: say(f"setup.compare_{w}"))
    if way == "none":
        return steps.change(now, found, collection="")
    typed = st.text_input(say(f"setup.compare_{way}_label"), found.collection, key=f"setup_compare_{way}").strip()
    if way == "address" and typed and not typed.startswith(("http://", "https://")):
        st.error(say("setup.compare_no_address"), icon=":material/error:")
        return found
    if way == "folder" and typed:
        typed = _allowed(now, typed)
    return steps.change(now, found, collection=typed) if typed else found


def _allowed(now: Here, typed: str) -> str:
    """A folder that was typed, which may be opened from now on; "" with the reason where it is none."""
    try:
        root = usable_root(typed)
    except ExplorerError as error:  # said here; the rest of the page stays
        st.error(plain(str(error)), icon=":material/error:")
        return ""
    if root not in now.settings.collection_folders:
        save_settings(replace(now.settings, collection_folders=(*now.settings.collection_folders, root)))
    return root


def controls(now: Here, found: Choices) -> Choices:
    """Where controls come from, the folder, and what a look at it told."""
    since = start.newer_than(found)
    st.markdown(say("setup.controls_text", usual=USUAL, matched=MATCHED))
    st.markdown(say("setup.controls_since", date=month(since)) if since else say("setup.controls_since_unknown"))
    with st.expander(say("setup.controls_where_title")):
        st.markdown(say("setup.controls_where"))
    way = st.segmented_control(say("setup.controls_way"), ("path", "drop"), default="path", required=True,
                               key="setup_controls_way", format_func=lambda w: say(f"setup.controls_{w}"),
                               label_visibility="collapsed")
    if way == "path":
        typed = st.text_input(say("setup.controls_label"), found.controls, key="setup_controls_path",
                              placeholder=say("settings.folder_hint")).strip()
        folder = _allowed(now, typed) if typed and typed != found.controls else typed
    else:
        folder = _dropped(now) or found.controls
    if folder and folder != found.controls:
        found = steps.change(now, found, controls=folder, check="")
    if found.controls:
        found = _looked_at(now, found)
    return found


def _dropped(now: Here) -> str:
    files = st.file_uploader(say("setup.controls_drop_label"), type=upload.TYPES, accept_multiple_files="directory",
                             key=upload.uploader("setup_controls"), help=say("setup.controls_drop_help"))
    if not files or not st.button(say("setup.controls_take", n=len(files)), key="setup_take_controls"):
        return ""
    return str(keep_dropped(((f.name, f.getvalue()) for f in files), now.settings.home))


def _looked_at(now: Here, found: Choices) -> Choices:
    """Asks for the check where there is none of these pictures yet, and shows what it told."""
    check, case = check_of(now, found), own_case(now)
    if not found.check or (check and case and len(check.works) != len(case.subjects())):
        found = steps.keep(now, start.look_at_controls(found, now.queue))
        launch.ensure_workers(now.settings, kinds=("desk",))
    job_id = found.check

    def told() -> None:
        here = state.here()
        result = submit.result_of(here, job_id)
        if result is None:
            live.one(here, job_id)
        else:
            said(from_json(ControlCheck, result), works=own_case(here) is not None)

    live.follow_job(told, job_id)
    return found


def check_of(now: Here, found: Choices) -> ControlCheck | None:
    """What the look at the controls told; None before it has ended well."""
    result = submit.result_of(now, found.check)
    return from_json(ControlCheck, result) if result else None


def said(check: ControlCheck, *, works: bool) -> None:
    """The check in sentences: how many, how old, and whether they fit; `works`: one's own are open."""
    st.markdown(say("setup.check_count", n=check.pictures, ranked=check.ranked, p=f"{check.smallest_p:.3f}"))
    fitting(check, works=works)
    if not check.enough:
        st.warning(say("setup.missing_more", n=check.pictures, usual=USUAL, matched=MATCHED),
                   icon=":material/add_photo_alternate:")


def fitting(check: ControlCheck, *, works: bool) -> None:
    """Whether the controls are readable, new enough and, where one's own works are open, like those."""
    if check.refused:
        st.caption(say("setup.check_refused", n=check.refused))
    if check.older:
        names = ", ".join(map(plain, check.older[:5]))
        st.warning(say("setup.check_older", n=len(check.older), names=names), icon=":material/event_busy:")
    elif check.dated:
        st.caption(say("setup.check_dated", n=check.dated))
    if not works:
        return
    if not check.set_fits:
        st.warning(say("setup.check_set_no", why=plain(retold(check.set_why))), icon=":material/balance:")
    for work in (w for w in check.works if not w.fits):
        st.warning(say("setup.check_work_no", name=plain(work.name), why=plain(retold(work.why))),
                   icon=":material/balance:")
    if check.works and check.fitting == len(check.works):
        st.success(say("setup.check_fits", n=len(check.works)), icon=":material/check_circle:")


__all__ = ["check_of", "controls", "fitting", "own_case", "said", "works"]
