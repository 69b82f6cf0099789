"""Correct the highlights of one note, then the next."""

from mednerapp.domain.accounts import Permission
from mednerapp.ui import annotating_view as view
from mednerapp.ui import guard

user = guard.require(Permission.ANNOTATE)

note = view.choose_note(user)
if note is None:
    view.everything_done(user)
else:
    view.header(user, note)
    if note.waiting:
        view.waiting_for_highlights(note.note.id)
    elif note.missing:
        view.missing_highlights(user, note)
    view.editor(user, note)
