"""The script that Streamlit runs for every page: navigation by role, and what stands beside every page."""

from __future__ import annotations

import streamlit as st

from mednerapp.domain.accounts import Permission, User
from mednerapp.services import projects
from mednerapp.ui import guard, news_view, redirect
from mednerapp.ui.menu import MENU, page_file
from mednerapp.ui.process import application
from mednerapp.ui.state import current_project, state
from mednerapp.ui.words import plain

LONGEST_LOOK = 15.0  # seconds between two looks at whether the session lives

_MARK = (
    '<rect width="32" height="32" rx="8" fill="#0b6477"/>'
    '<path d="M6 20h4l3-9 4 13 3-8h6" fill="none" stroke="#fff" stroke-width="2.6" stroke-linejoin="round"/>'
)
_SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 32">{content}</svg>'
ICON = _SVG.format(width=32, content=_MARK)
LOGO = _SVG.format(  # the grey can be read on the light and on the dark sidebar
    width=132,
    content=f'{_MARK}<text x="42" y="23" font-family="sans-serif" font-size="21" font-weight="700" fill="#6b7f88" '
    'textLength="84" lengthAdjust="spacingAndGlyphs">MedNER</text>',  # inside, whatever the font
)

# The theme has one primary colour: dark enough for white words on it, it is too dark for words on the dark background.
# A small laptop or a tablet has no room for Streamlit's wide margins: without them a panel fits beside the text.
_STYLE = """<style>
button[data-selected="true"] [data-testid="stMarkdownContainer"] { color: light-dark(#0b6477, #7fcfdf); }
@media (max-width: 1100px) { main [data-testid="stMainBlockContainer"] { padding-inline: 1rem; } }
</style>"""


def main() -> None:
    st.set_page_config(page_title="MedNER", page_icon=ICON, layout="wide")
    st.logo(LOGO, icon_image=ICON, size="large")
    st.html(_STYLE)
    user = guard.require(Permission.ANNOTATE)
    pages = {name: _page(name, title, user.may(needed)) for name, (title, needed) in MENU.items()}
    # The default page has no path of its own in Streamlit; ours should have one, so the default only passes on.
    start = st.Page(lambda: st.switch_page(pages["annotate"]), url_path="start", default=True, visibility="hidden")
    shown = st.navigation([start, *pages.values()], expanded=True)  # all of them, however many
    with st.sidebar:
        _sidebar(user)
    shown.run()


def _page(name: str, title: str, visible: bool) -> st.Page:  # noqa: FBT001 - it is a table's column
    return st.Page(page_file(name), title=title, visibility="visible" if visible else "hidden")


def _sidebar(user: User) -> None:
    settings = application().settings
    _choose_project()
    st.markdown(f"**{plain(user.name)}**  \n{user.role.value.capitalize()}")
    if st.button("Sign out", width="stretch"):
        redirect.sign_out()
    if settings.demo:
        st.caption("Demo: the notes are invented.")
    news_view.watch(user)
    redirect.watch_session(every=min(LONGEST_LOOK, settings.idle_minutes * 60 / 4))


def _choose_project() -> None:
    found = projects.all_projects(application().store)
    if len(found) < 2:
        return
    current = current_project()
    names = {project.id: project.name for project in found}
    chosen = st.selectbox("Project", list(names), index=list(names).index(current.id), format_func=names.__getitem__)
    if chosen != current.id:
        state().project_id, state().note_id = chosen, None
        st.query_params.clear()
        st.rerun()


main()
