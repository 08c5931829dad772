"""The app for several people on one server, with a login. Start with `streamlit run shared.py`."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from pages.server import media, sessions

media.guard()
app = st.App("app.py", middleware=[Middleware(sessions.FewSessions), Middleware(media.OwnMedia)])
