"""What a person reads when a page breaks off."""

from __future__ import annotations

import streamlit as st

from mednerapp.errors import MedNerError
from mednerapp.ui.words import plain


def show(error: Exception) -> bool:
    """Our own errors in their own words, any other without details, which are in the log. True: it was shown."""
    if isinstance(error, MedNerError):
        st.error(plain(str(error)))
    else:
        st.error("Something went wrong. What you had saved is safe. Try again, or tell an administrator the time.")
    return True
