"""Who is at the screen, where several people share a server: Streamlit's own login, off by default.

It is on when `.streamlit/secrets.toml` has an `[auth]` section. Then nobody sees a page, a case or a job
before logging in, deep links included, and each person sees only what is their own. Pictures and downloads
are only then people's own when the server was started by `shared.py`, and no page is drawn otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.auth_util import get_secrets_auth_section

from pages.shared.texts import say


def is_on() -> bool:
    """Whether this server has a login."""
    return bool(get_secrets_auth_section())


def person() -> str:
    """The one who is logged in, by e-mail address or, without one, by the provider's name for them.

    "" where login is off. Ends the run where it is on and nobody is logged in: no page goes on as nobody.
    """
    if not is_on():
        return ""
    name = name_of(st.user) if st.user.is_logged_in else ""
    if not name:
        st.stop()
    return name


def name_of(user: Mapping[str, Any]) -> str:
    """What a person is called here, of what the login provider says of them."""
    return str(user.get("email") or user.get("sub") or "").strip()


def gate(*, guarded: bool) -> None:
    """Draws the way in, and nothing else, where login is on and nobody is logged in.

    `guarded` says whether pictures and downloads have owners on this server (see media.py).
    """
    if is_on() and not guarded:
        st.error(say("app.login_unguarded"))
        st.stop()
    if is_on() and not st.user.is_logged_in:
        st.title(say("app.login_title"))
        st.button(say("app.login"), on_click=st.login, type="primary")
        st.stop()
