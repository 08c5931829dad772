"""Subject: the image under test, its hashes, what the file says of itself; or one made from a prompt."""

from __future__ import annotations

import streamlit as st

from pages.shared import loop_path, upload, widgets
from pages.shared.texts import plain, retold, say
from pages.subject import answer_panel, compare, copy_check_panel, file_claims, generate, overview

now = loop_path.head("subject")
upload.outcome()
making = generate.under_way(now)

if now.case is None or now.subject is None:
    if not making:
        st.markdown(say("subject.empty"))
        upload.drop(now, "subject")
else:
    case, subject = now.case, now.subject
    answer, picture = st.columns([3, 2], gap="large")
    with answer:
        answer_panel.draw()
    with picture:
        widgets.picture(case.blob(subject.pixels_sha256), width_px=420,
                        alt=say("subject.alt", name=subject.name))
        if subject.caption:
            st.caption(say("subject.caption", text=plain(subject.caption)))
        for note in subject.notes:
            st.caption(plain(retold(note)))
        st.caption(say("subject.unaltered"))
        with st.expander(say("subject.file"), icon=":material/fingerprint:"):
            st.markdown(say("subject.facts", sha=subject.sha256, format=subject.format, width=subject.width_px,
                            height=subject.height_px, origin=say(f"origin.{subject.origin}")))
    copy_check_panel.draw()
    overview.draw()
    st.divider()
    compare.draw(case, subject)
    with st.expander(say("subject.metadata"), icon=":material/badge:"):
        file_claims.draw(now, case, subject)
    if not case.read_only:
        with st.expander(say("subject.another"), icon=":material/add_photo_alternate:"):
            upload.drop(now, "subject")

with st.expander(say("subject.generate"), icon=":material/auto_awesome:"):
    generate.form(now)
