"""Correct the highlights of one note, then the next."""

from mednerapp.domain.accounts import Permission
from mednerapp.ui import annotating_view as view
from mednerapp.ui import guard, queue_view

user = guard.require(Permission.ANNOTATE)

note = queue_view.choose_note(user)
if note is None:
    queue_view.nothing_to_do(user)
else:
    queue_view.header(user, note)
    queue_view.keep_in_hand(note)
    if note.waiting:
        view.waiting_for_highlights(note.note.id)
    elif note.missing:
        view.missing_highlights(user, note)
    view.editor(user, note)
