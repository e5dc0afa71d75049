"""The entry script: style and navigation. Every page runs inside it, deep links too.

It lies inside `pages/`, because a `pages/` folder beside the entry script would let a deep link run
the page without this shell.
"""

from __future__ import annotations

import streamlit as st

from monitor.ui.alert_style import ALERT_STYLE
from monitor.ui.style import ICON, SOFT_LINKS, STYLE

st.set_page_config(page_title="Sale monitor", page_icon=ICON, layout="wide")
st.html(STYLE)
st.html(ALERT_STYLE)
st.html(SOFT_LINKS, unsafe_allow_javascript=True)

st.navigation(
    [
        st.Page("live.py", title="Live", icon=":material/monitoring:", default=True),
        st.Page(
            "leaderboards.py",
            title="Leaderboards",
            icon=":material/leaderboard:",
            url_path="leaderboards",
        ),
        st.Page("alerts.py", title="Alerts", icon=":material/notifications:", url_path="alerts"),
        st.Page("why.py", title="Why", icon=":material/help:", url_path="why"),
        st.Page("rules.py", title="Rules", icon=":material/tune:", url_path="rules"),
        st.Page("import_files.py", title="Import", icon=":material/upload:", url_path="import"),
        st.Page("data.py", title="Data", icon=":material/database:", url_path="data"),
    ],
    position="top",
).run()
