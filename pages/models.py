"""The encoders that runs train over: which are installed, how to get them, whether they are in order."""

import streamlit as st

from mednerapp.domain.accounts import Permission
from mednerapp.ui import guard
from mednerapp.ui import models_view as view
from mednerapp.ui.state import enter

user = guard.require(Permission.TRAIN)

enter("models")
st.title("Models", anchor=False)
st.write(
    "An encoder is the pre-trained model underneath; a run teaches an adapter over it. The shipped starter brings its "
    "own, so nothing here is needed to begin: install encoders to compare them on your notes, as the paper does."
)
view.encoders(user)
if user.may(Permission.ADMINISTER):
    view.others(user)
