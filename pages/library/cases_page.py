"""Cases: everything investigated on this computer; open, rename, put away, delete."""

from __future__ import annotations

import streamlit as st

from explorer.jobs.delete_case import delete_case
from pages.report import open_package
from pages.shared import state
from pages.shared.texts import plain, say
from pages.start import cards

now = state.here()
st.title(say("cases.title"))
st.markdown(say("cases.lead"))
cards.recent(now)

if now.case is not None:
    case = now.case
    st.header(say("cases.open", title=plain(case.title)), anchor=False)
    title, save = st.columns([4, 1], vertical_alignment="bottom")
    name = title.text_input(say("case.title"), case.title, key=f"rename_{case.id}")
    if save.button(say("cases.rename"), width="stretch"):
        now.store.rename(case.id, name)
        st.rerun()
    close, archive, delete = st.columns(3)
    if close.button(say("cases.close"), icon=":material/close:", width="stretch"):
        state.forget()
        st.rerun()
    if archive.button(say("cases.archive"), icon=":material/archive:", width="stretch"):
        now.store.archive(case.id)
        state.forget()
        st.rerun()
    with delete.expander(say("cases.delete"), icon=":material/delete:"):
        st.markdown(say("cases.delete_text"))
        if st.button(say("cases.delete_sure"), key="delete_sure"):
            gone = delete_case(now.settings, case.id)
            state.forget()
            st.toast(say("cases.deleted", files=gone.files))
            st.rerun()

with st.expander(say("cases.new"), icon=":material/create_new_folder:"):
    cards.new_case(now)
with st.expander(say("cases.open_package"), icon=":material/unarchive:"):
    st.markdown(say("cases.open_package_text"))
    open_package.drop(now)
put_away = now.store.list(archived=True)
if put_away:
    with st.expander(say("cases.archived", n=len(put_away)), icon=":material/archive:"):
        for row in put_away:
            if st.button(say("cases.restore", title=plain(row.title)), key=f"restore_{row.id}"):
                now.store.archive(row.id, archived=False)
                st.rerun()
