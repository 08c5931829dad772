"""Collections: what neighbours are looked for in; search one by words, choose one, build one's own."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from explorer.jobs.tasks import BuildCollection, IndexCollection
from explorer.settings import WORLD, save_settings
from pages.neighbours import duplicates_panel, text_search
from pages.shared import pickers, state
from pages.shared.texts import plain, say
from pages.tasks import live, submit

_REFUSED = 200  # files shown

now = state.here()
st.title(say("collections.title"))
st.markdown(say("collections.lead"))
in_use = say("use.world") if now.settings.collection == "world" else plain(now.settings.collection)
st.markdown(say("collections.in_use", name=in_use))
if now.settings.collection == "world" and not WORLD.exists():
    st.warning(say("collections.no_world"), icon=":material/folder_off:")

text_search.draw(now)
duplicates_panel.draw(now)

st.header(say("collections.choose"), anchor=False)
st.markdown(say("collections.choose_text"))
source = pickers.source(now, "collection")
if source and st.button(say("collections.use"), key="use_collection"):
    save_settings(replace(now.settings, collection=source))
    st.rerun()

with st.expander(say("collections.build"), icon=":material/construction:"):
    st.markdown(say("collections.build_text"))
    folder = pickers.folder(now, "build", now.settings.roots)
    name = st.text_input(say("collections.name"), key="collection_name", max_chars=60)
    safe = "".join(c for c in name.strip() if c.isalnum() or c in " -_").strip()
    if st.button(say("collections.build_go"), disabled=not (folder and safe)):
        out = str(now.settings.home / "collections" / safe)
        embed = submit.submit(now, BuildCollection(folder, out, now.settings.clip))
        state.remember(build=submit.submit(now, IndexCollection(out), after=embed))
        st.rerun()


def _building() -> None:
    here, job_id = state.here(), state.remembered("build")
    if not job_id:
        return
    built = submit.result_of(here, job_id)
    if built is None:
        live.one(here, job_id)
        return
    read = submit.result_of(here, here.queue.get(job_id).after)
    st.markdown(say("collections.built", works=f"{built['works']:,}", new=f"{read['embedded']:,}"))
    if read["refused"]:
        with st.expander(say("collections.refused", n=len(read["refused"])), icon=":material/broken_image:"):
            rows = [f"- `{plain(name)}`: {plain(why)}" for name, why in read["refused"][:_REFUSED]]
            st.markdown("\n".join(rows))


live.follow_job(_building, state.remembered("build"))
