from support.browser import browser, new_page, page
from support.editor import editor, editor_server, streamlit_editor, streamlit_server

__all__ = ["browser", "editor", "editor_server", "new_page", "page", "streamlit_editor", "streamlit_server"]
