"""Which workspace, case and subject a page is about: read from its address, so any tab can come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from explorer.cases.case import Case
from explorer.cases.store import CaseStore
from explorer.errors import ExplorerError
from explorer.jobs.queue import Queue
from explorer.records import Subject
from explorer.settings import Settings, load_settings
from pages.server import login
from pages.shared import frame
from pages.shared.texts import plain

KEPT = ("case", "subject", "search", "replay", "work")  # names in the address, besides a page's own


@dataclass(frozen=True)
class Here:
    """What a page works on; `case` and `subject` are None until there is one."""

    settings: Settings
    queue: Queue
    store: CaseStore
    case: Case | None = None
    subject: Subject | None = None
    person: str = ""  # who is logged in; "" where login is off

    @property
    def address(self) -> dict[str, str]:
        """The query parameters that bring another tab to the same case and subject."""
        return {k: v for k, v in (("case", self.case.id if self.case else ""),
                                  ("subject", self.subject.id if self.subject else "")) if v}

    @property
    def open_case(self) -> Case:
        """The case; ExplorerError where a page needs one and has none."""
        if self.case is None:
            raise ExplorerError("pages.state_no_case_open")
        return self.case

    @property
    def open_subject(self) -> Subject:
        """The subject; ExplorerError where a page needs one and has none."""
        if self.subject is None:
            raise ExplorerError("pages.state_case_no_image")
        return self.subject


def workspace() -> Here:
    """The workspace alone, whatever case is open."""
    settings, person = load_settings(), login.person()
    return Here(settings, Queue(settings.database, person=person), CaseStore(settings.cases, person=person),
                person=person)


def here() -> Here:
    """The workspace with the case and subject named in the address, else those of this tab so far."""
    now, case_id = workspace(), remembered("case")
    if not case_id:
        return now
    try:
        case = now.store.open(case_id)
    except ExplorerError as error:
        forget()
        st.warning(plain(str(error)), icon=":material/folder_off:")
        return now
    return replace(now, case=case, subject=_subject(case))


def _subject(case: Case) -> Subject | None:
    known = {s.id: s for s in case.subjects()}
    wanted = remembered("subject")
    found = known.get(wanted) or next(reversed(known.values()), None)
    if found and found.id != wanted:
        remember(subject=found.id)
    return found


def remembered(name: str) -> str:
    """A value of the address, else of this tab; what the tab knew is put back into the address."""
    value = st.query_params.get(name, "") or st.session_state.get(f"at_{name}", "")
    if value:
        remember(**{name: value})
    return value


def remember(**values: str) -> None:
    """Writes values to the address and to this tab; an empty one is dropped."""
    for name, value in values.items():
        st.session_state[f"at_{name}"] = value
        if not value:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def forget() -> None:
    """Leaves the case: address and tab name none any more."""
    remember(**dict.fromkeys(KEPT, ""))


def go(page: str, *, case_id: str = "", subject_id: str = "", **more: str) -> None:
    """Opens a page, on another case and subject if given, with `more` in its address; ends this run."""
    if case_id:
        for name in KEPT:
            st.session_state[f"at_{name}"] = ""
        st.session_state["at_case"], st.session_state["at_subject"] = case_id, subject_id
    for name, value in more.items():
        st.session_state[f"at_{name}"] = value
    kept = {n: st.session_state.get(f"at_{n}", "") for n in ("case", "subject", *more)}
    st.switch_page(frame.script(page), query_params={k: v for k, v in kept.items() if v})


def kept(name: str, case: Case, subject: Subject, make: Callable[[], Any]) -> Any:
    """What `make` gives of a case, kept for this tab until the case's log goes on."""
    mark = (case.id, subject.id, case.head())
    known = st.session_state.get(name)
    if known is None or known[0] != mark:
        known = (mark, make())
        st.session_state[name] = known
    return known[1]


def fresh(now: Here) -> Here:
    """The same workspace without a case: what is added next makes a new one."""
    return replace(now, case=None, subject=None)
