"""Full text search over the titles and texts of notes, the same on both databases.

Words are runs of letters and digits; case and accents do not count, nor does whatever stands between words. What a
person types is only ever taken as words: it has no operators.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

# FTS5 walks its index in the order of the notes and stops at the limit.
_SQLITE = text(
    "SELECT note.id FROM note_search JOIN note ON note.id = note_search.rowid "
    "WHERE note_search MATCH :match AND note_search.rowid > :after "
    "AND note.project_id = :project_id AND note.deleted_at IS NULL "
    "ORDER BY note_search.rowid LIMIT :limit"
)
# The index finds the notes that hold all the words; whether they stand beside each other is looked up in the text,
# because the index knows no position after the 16,383rd. OFFSET 0 keeps that look-up lazy, after the sort.
_POSTGRESQL = text(
    "SELECT id FROM (SELECT id, title, text FROM note WHERE project_id = :project_id AND deleted_at IS NULL "
    "AND id > :after AND note_words(title, text) @@ to_tsquery('simple', :match) ORDER BY id OFFSET 0) AS candidate "
    "WHERE strpos(plain_words(text), :phrase) > 0 OR (:titles AND strpos(plain_words(title), :phrase) > 0) "
    "ORDER BY id LIMIT :limit"
)
_PLAIN = text("SELECT plain_words(:query)")


class Search:
    def __init__(self, session: Session) -> None:
        self._session = session

    def matching(
        self,
        project_id: int,
        query: str,
        limit: int,
        after: int = 0,
        *,
        titles: bool = True,
        prefix: bool = False,
    ) -> list[int]:
        """Ids of the notes of the project that hold the words of `query` beside each other: at most `limit`, those
        above `after`, in order. Notes in the bin are not found, nor is anything by a query without a letter or digit.

        titles: look in titles, too, not only in texts.
        prefix: the last word may be the beginning of one, unless something follows it.
        """
        prefix = prefix and query[-1:].isalnum()
        query = query.replace("\x00", " ")  # neither database takes it
        if not any(c.isalnum() for c in query) or limit < 1:
            return []
        if self._session.get_bind().dialect.name == "sqlite":
            phrase = '"' + query.replace('"', '""') + '"'
            match = ("" if titles else "text : ") + phrase + (" *" if prefix else "")
            values = {"match": match}
            statement = _SQLITE
        else:
            plain: str = self._session.scalar(_PLAIN, {"query": query}) or ""
            words = plain.split()
            if not words:
                return []
            match = " & ".join(words) + (":*" if prefix else "")
            phrase = " " + " ".join(words) + ("" if prefix else " ")
            values = {"match": match, "phrase": phrase, "titles": titles}
            statement = _POSTGRESQL
        values = {**values, "project_id": project_id, "after": after, "limit": limit}
        return list(self._session.scalars(statement, values))
