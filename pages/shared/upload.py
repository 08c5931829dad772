"""Begin with an image, on any step: drop a file, and a case is there."""

from __future__ import annotations

import streamlit as st

from explorer.cases.given_caption import MOST, one_line
from explorer.errors import ExplorerError
from pages.shared.state import Here, go
from pages.shared.texts import plain, say

REFUSED = "refused"  # the case's choice that names every file the image door refused, with the reason
TYPES = ["png", "jpg", "jpeg", "webp", "gif", "tif", "tiff", "bmp", "avif"]


def needed(now: Here, step: str) -> bool:
    """True where the page can go on; else draws what the step will show and a way to begin here."""
    if now.case is not None and now.subject is not None:
        return True
    st.markdown(say(f"{step}.empty"))
    drop(now, step)
    return False


def drop(now: Here, step: str, *, several: bool = True) -> None:
    """A drop zone; images go into the open case, or into a new one, and the page opens on the last.

    A single file may be given its title or caption.
    """
    files = st.file_uploader(say("begin.drop"), type=TYPES, accept_multiple_files=several,
                             key=uploader(f"drop_{step}"), help=say("begin.drop_help"))
    files = files if isinstance(files, list) else [files] if files else []
    words = "" if len(files) != 1 else st.text_input(
        say("begin.caption"), max_chars=MOST, key=uploader(f"caption_{step}"), help=say("begin.caption_help"))
    if files and st.button(say("begin.add", n=len(files)), type="primary", key=f"add_{step}"):
        take(now, [(f.name, f.getvalue()) for f in files], step, caption=one_line(words))


def uploader(name: str) -> str:
    """A key for a drop zone, or a field of it, that is empty again once its files were taken."""
    return f"{name}_{st.session_state.get('taken', 0)}"


def take(now: Here, files: list[tuple[str, bytes]], step: str, *, caption: str = "") -> None:
    """Adds images to the open case or a new one; says which were refused and why, and goes on.

    Several at once go on to the list of works, with a bar while they are checked. `caption`: the words given
    with a single one.
    """
    refused, added, case = [], [], now.case
    bar = st.progress(0.0) if len(files) > 1 else None
    for number, (name, data) in enumerate(files, 1):
        if bar is not None:
            bar.progress(number / len(files), text=say("begin.checking", n=number, total=len(files)))
        name = name.rsplit("/", 1)[-1]
        try:
            if case is None:
                title = name.rsplit(".", 1)[0]
                case = now.store.create(title if len(files) == 1 else say("begin.several", n=len(files)))
            added.append(case.add_subject(data, name, caption=caption).id)
        except ExplorerError as error:
            refused.append(str(error))
    if case is not None and not added and now.case is None:
        now.store.delete(case.id)
    elif case is not None and refused:
        case.set(REFUSED, [*case.get(REFUSED, []), *refused])
    st.session_state["taken"] = st.session_state.get("taken", 0) + 1
    st.session_state["refused"] = refused
    st.session_state["accepted"] = len(added)
    if added:
        step = "portfolio" if len(added) > 1 and step != "setup" else step
        go(step, case_id=case.id, subject_id=added[-1])


def outcome() -> None:
    """What the last drop accepted and refused, each refusal with its reason."""
    accepted, refused = st.session_state.pop("accepted", 0), st.session_state.pop("refused", [])
    if refused:
        st.warning("\n\n".join([say("begin.some", accepted=accepted, refused=len(refused)),
                                *map(plain, refused)]),
                   icon=":material/block:")
    elif accepted > 1:
        st.success(say("begin.all", n=accepted), icon=":material/check_circle:")


def forget_outcome() -> None:
    """Drops what the last drop brought, where the page says it in its own words."""
    st.session_state.pop("accepted", None)
    st.session_state.pop("refused", None)
