"""People who are logged in: without a provider, by the signed cookie that Streamlit sets after it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

ISSUER = "https://login.example"
EMAIL = "somebody@example.org"  # of everybody: whoever claims an address is not by that its owner


def person(name: str) -> str:
    """What somebody of this name is called on the server."""
    return f"{ISSUER}#{name}" if name else ""


def secrets_file(folder: Path) -> tuple[Path, str]:
    """Writes the file that switches the login on; returns it, and the key that cookies are signed with."""
    path, key = folder / "secrets.toml", secrets.token_hex(16)
    path.write_text(f'[auth]\nredirect_uri = "http://localhost/oauth2callback"\ncookie_secret = "{key}"\n'
                    'client_id = "x"\nclient_secret = "x"\nserver_metadata_url = "http://localhost/none"\n')
    return path, key


def user_cookie(url: str, key: str, name: str) -> dict[str, str]:
    """The cookie by which the server at `url` knows the person of this name."""
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
    told = json.dumps({"origin": url, "is_logged_in": True, "iss": ISSUER, "sub": name, "email": EMAIL})
    value = create_signed_value(key, "_streamlit_user", told).decode()
    return {"name": "_streamlit_user", "url": url, "value": value}
