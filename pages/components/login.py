"""Who is at the screen, where several people share a server: Streamlit's own login, off by default.

It is on when `.streamlit/secrets.toml` has an `[auth]` section. Then nobody sees a page, a case or a job
before logging in, deep links included, and each person sees only what is their own.
"""

from __future__ import annotations

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from pages.components.texts import say


def is_on() -> bool:
    """Whether this server has a login."""
    return bool(get_secrets_auth_section())


def person() -> str:
    """The one who is logged in, by e-mail address or, without one, by the provider's name for them.

    "" where login is off. Ends the run where it is on and nobody is logged in: no page goes on as nobody.
    """
    if not is_on():
        return ""
    name = str(st.user.get("email") or st.user.get("sub") or "").strip() if st.user.is_logged_in else ""
    if not name:
        st.stop()
    return name


def gate() -> None:
    """Draws the way in, and nothing else, where login is on and nobody is logged in."""
    if is_on() and not st.user.is_logged_in:
        st.title(say("app.login_title"))
        st.button(say("app.login"), on_click=st.login, type="primary")
        st.stop()
