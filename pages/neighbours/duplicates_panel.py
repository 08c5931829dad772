"""Near copies within the collection in use: how often which picture is there, and the open one too."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from explorer.jobs.job import Job
from explorer.jobs.tasks import FindDuplicates
from explorer.records import CopyCheck
from pages.neighbours import work_cards
from pages.shared import state, widgets
from pages.shared.texts import plain, retold, say
from pages.subject import copy_check_panel
from pages.tasks import live, submit

_SHOWN = 12  # groups
_DOOR = ("EncodeQuery", "CheckCopy")


def draw(now: state.Here) -> None:
    """The report on the collection in use, and a button that makes it."""
    st.header(say("duplicates.title"), anchor=False)
    st.markdown(say("duplicates.text"))
    if now.settings.collection == "world":
        st.caption(say("duplicates.world"))
    own = now.settings.collection != "world"
    store = own and st.checkbox(say("duplicates.store"), help=say("duplicates.store_help"), key="duplicates_store")
    if st.button(say("duplicates.go"), key="duplicates_go", icon=":material/content_copy:"):
        state.remember(copies=submit.submit(now, FindDuplicates(now.settings.collection, store=bool(store))))
        st.rerun()
    live.follow_job(_report, state.remembered("copies"))
    if now.case is not None and now.subject is not None and (
            not now.case.read_only or now.case.records(CopyCheck, subject_id=now.subject.id)):
        st.subheader(say("duplicates.subject"), anchor=False)
        live.follow(_subject, *_DOOR)


def _report() -> None:
    here, job_id = state.here(), state.remembered("copies")
    if job_id and submit.result_of(here, job_id) is None:
        live.one(here, job_id)
    done = here.queue.recent(limit=200, states=("done",))
    found = next((j for j in done if isinstance(j.task, FindDuplicates) and j.result
                  and j.task.collection == here.settings.collection), None)
    if found is not None:
        _told(found)


def _told(job: Job) -> None:
    told = job.result
    st.markdown(say("duplicates.summary", works=f"{told['works']:,}", distinct=f"{told['distinct']:,}",
                    groups=f"{told['groups']:,}"))
    rows = [f"| {times:,} | {works:,} |" for times, works in told["by_multiplicity"]]
    st.markdown("\n".join([say("duplicates.head"), "|---:|---:|", *rows]))
    if not told["checked"]:
        st.caption(say("duplicates.unchecked", cosine=told["cosine_alone"]))
    elif told["unread"]:
        st.caption(say("duplicates.unread", n=f"{told['unread']:,}"))
    if told["stored"]:
        st.caption(say("duplicates.stored"))
    _download(job)
    groups = told["largest"][:_SHOWN]
    if groups:
        with st.expander(say("duplicates.largest", n=len(groups))):
            for number, group in enumerate(groups):
                st.markdown(f"**{say('duplicates.group', n=group['size'])}**")
                widgets.gallery([_item(w) for w in group["works"]], key=f"copies_{job.id}_{number}",
                                label=say("works.label"), cell_px=112)


def _download(job: Job) -> None:
    path = Path(job.result["path"])
    if path.is_file():
        st.download_button(say("duplicates.save"), path.read_bytes, icon=":material/download:",
                           file_name=f"{path.stem}-{job.result['sha256'][:12]}.csv", on_click="ignore",
                           key=f"list_{job.id}")
    else:
        st.caption(say("duplicates.gone", path=plain(str(path))))


def _item(found: dict[str, str]) -> widgets.GalleryItem:
    title = found["title"] or say("works.no_title")
    src = widgets.file_address(found["image_path"]) if found["image_path"] else ""
    return widgets.GalleryItem(found["work_id"], src, title, (found["creator"] or say("works.no_creator"),),
                               alt=work_cards.alt(title, found["creator"]))


def _subject() -> None:
    """How often the collection holds the open picture, as far as that was looked up."""
    here = state.here()
    case, subject = here.open_case, here.open_subject
    seen = case.records(CopyCheck, subject_id=subject.id)
    if submit.active(here, *_DOOR):
        live.panel(here, *_DOOR)
    elif seen and not seen[-1].compared:
        st.info(say("door.unknown", note=plain(retold(seen[-1].note))), icon=":material/help:")
    elif seen and seen[-1].is_near_copy and seen[-1].copies:
        last = seen[-1]
        st.markdown(say("duplicates.subject_copies", n=last.copies, title=plain(last.title),
                        collection=plain(last.collection), likeness=f"{last.likeness:.3f}",
                        limit=f"{last.limit:.2f}"))
    elif seen and seen[-1].is_near_copy:
        st.markdown(say("duplicates.subject_some", title=plain(seen[-1].title), collection=plain(
            seen[-1].collection), likeness=f"{seen[-1].likeness:.3f}"))
    elif seen:
        st.markdown(say("duplicates.subject_none", n=f"{seen[-1].compared:,}",
                        collection=plain(seen[-1].collection)))
    idle = not case.read_only and not submit.active(here, *_DOOR)
    if idle and st.button(say("duplicates.subject_go"), key="duplicates_subject"):
        copy_check_panel.start(here, case.id, subject_id=subject.id)
        st.rerun()
