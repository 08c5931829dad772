"""Page setup, navigation, job tray: nothing else. Start with `streamlit run app.py`, for one person or several.

Read twice: the server imports it for `app`, and each screen runs it as `__main__`.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from explorer.settings import ASSETS
    from pages.server import login, media
    from pages.shared import frame, speech
    from pages.tasks import model_chip, tray

    st.set_page_config(page_icon=str(ASSETS / "theme" / "icon.svg"), layout="wide")
    st.logo(str(ASSETS / "theme" / "logo.svg"), icon_image=str(ASSETS / "theme" / "icon.svg"), size="large")
    st.html(ASSETS / "theme" / "screens.css")
    speech.listen()
    page = frame.navigation()
    login.gate(guarded=media.is_guarded())
    frame.guarded(model_chip.draw)()
    frame.show(page)
    tray.draw()
else:
    from pages.server import serving

    app = st.App(__file__, middleware=serving.layers())
