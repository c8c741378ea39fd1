"""Full-text search over queries, passages and chains: an SQLite index beside the database.

DuckDB's own full-text extension would have to be downloaded. The index is derived: what it lacks
is added from the workspace, and a file that is missing, broken or of another version is made anew.
A text matches as a whole: every word of a search must be in one query, one passage or one chain.
"""

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import lru_cache
from typing import Literal
from zlib import crc32

from db.errors import StoreError
from db.store import Store

Kind = Literal["query", "passage", "chain"]
KINDS: tuple[Kind, ...] = ("query", "passage", "chain")
FILE = "search.sqlite"

_PORTION = 500  # items or rankings in one transaction
_LONGEST = 1_000  # characters of a search
_MOST_TERMS = 32
# Scripts without blanks between words: each character is a word of its own, here and in a search.
_UNSPACED = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af])")
_TERM = re.compile(r'"([^"]*)("?)|([^\s"]+)')

_SCHEMA = """
CREATE TABLE items (n INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE);
CREATE TABLE rankings (
    n INTEGER PRIMARY KEY, ranking_id TEXT NOT NULL UNIQUE, item INTEGER NOT NULL
);
CREATE TABLE passages (n INTEGER PRIMARY KEY, passage_id TEXT NOT NULL UNIQUE);
CREATE TABLE candidates (passage INTEGER, item INTEGER, PRIMARY KEY (passage, item)) WITHOUT ROWID;
CREATE VIRTUAL TABLE query_texts USING fts5(text, content='', tokenize='unicode61');
CREATE VIRTUAL TABLE passage_texts USING fts5(text, content='', tokenize='unicode61');
CREATE VIRTUAL TABLE chain_texts USING fts5(text, content='', tokenize='unicode61');
"""
# A file of another schema, or whose texts were cut into words otherwise, is made anew.
_VERSION = crc32((_SCHEMA + _UNSPACED.pattern).encode()) >> 1
_FOUND: dict[Kind, str] = {
    "query": "SELECT rowid FROM query_texts WHERE query_texts MATCH $match",
    "passage": "SELECT item FROM candidates WHERE passage IN"
    " (SELECT rowid FROM passage_texts WHERE passage_texts MATCH $match)",
    "chain": "SELECT item FROM rankings WHERE n IN"
    " (SELECT rowid FROM chain_texts WHERE chain_texts MATCH $match)",
}


class SearchIndex:
    """The index of one open workspace. Any thread may search while one extends it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.workspace.root / FILE
        self._extending = threading.Lock()
        self._compared = False
        self._found = lru_cache(maxsize=16)(self._look_up)
        self._make()

    def missing(self) -> int:
        """Return how many items and rankings are not indexed yet.

        Both only ever grow, so that counting them is enough once their ids were compared.
        """
        counts = self._store.row(
            "SELECT (SELECT count(*) FROM items) + (SELECT count(*) FROM rankings) AS n"
        )
        assert counts is not None
        with self._connection() as connection:
            # Rows are numbered from 1 without a gap, and counting them would read them all.
            (known,) = connection.execute(
                "SELECT coalesce((SELECT max(n) FROM items), 0)"
                " + coalesce((SELECT max(n) FROM rankings), 0)"
            ).fetchone()
        return max(0, int(counts["n"]) - int(known))

    def up_to_date(self) -> bool:
        """Return whether all there is can be found."""
        return self._compared and self.missing() == 0

    def extend(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Index what is not indexed yet, a portion after the other.

        A process that dies here loses the portion that it was at; the next one goes on.

        Args:
            go_on: Asked after each portion; False ends it early.

        Raises:
            StoreError: If the file cannot be written.
        """
        with self._extending:
            # In this order: a ranking that is known has its item among those read after it.
            rankings = self._unknown("ranking_id", "rankings")
            items = self._unknown("item_id", "items")
            for portion, add in (
                *((each, self._add_items) for each in _portions(items)),
                *((each, self._add_chains) for each in _portions(rankings)),
            ):
                with self._connection() as connection, connection:
                    add(connection, portion)
                self._found.cache_clear()
                if not go_on():
                    return
            self._compared = True

    def find(self, text: str, kinds: Sequence[Kind] = KINDS) -> tuple[str, ...]:
        """Return the ids of the items in whose texts a search is found, as they were indexed.

        Words match whole, whatever their case and accents; `energ*` matches what begins so, and
        `"in quotes"` words that follow each other. Anything else in `text` is only text.

        Args:
            kinds: Where to look.

        Returns:
            Nothing for a search without a letter or digit.

        Raises:
            StoreError: If the file cannot be read.
        """
        match = match_expression(text)
        chosen = tuple(kind for kind in KINDS if kind in kinds)
        return self._found(match, chosen) if match and chosen else ()

    def _look_up(self, match: str, kinds: tuple[Kind, ...]) -> tuple[str, ...]:
        sql = " UNION ".join(_FOUND[kind] for kind in kinds)
        with self._connection() as connection:
            rows = connection.execute(
                f"SELECT item_id FROM items WHERE n IN ({sql}) ORDER BY n",  # noqa: S608 - constants
                {"match": match},
            ).fetchall()
        return tuple(item_id for (item_id,) in rows)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=60)) as connection:
                # In WAL mode this keeps the file whole also when the machine stops.
                connection.execute("PRAGMA synchronous = NORMAL")
                yield connection
        except sqlite3.Error as error:
            raise StoreError(
                f"The search index {self._path} cannot be used: {error}. Close the app and delete "
                "that file: it holds nothing of its own, and is made anew."
            ) from error

    def _make(self) -> None:
        """Create the file, or replace one that cannot be used."""
        try:
            with self._connection() as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version == _VERSION:
                    connection.execute("SELECT n FROM items LIMIT 1").fetchone()
                    return
        except StoreError:
            pass  # no SQLite file, or half of one
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(FILE + suffix).unlink(missing_ok=True)
        with self._connection() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            # The version comes last: its being there means that all the rest is.
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")

    def _unknown(self, column: str, table: str) -> list[str]:
        with self._connection() as connection:
            rows = connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - our own names
        known = {each for (each,) in rows}
        found = self._store.frame(f"SELECT {column} FROM {table} ORDER BY created_at, {column}")  # noqa: S608
        return [each for each in found[column] if each not in known]

    def _add_items(self, connection: sqlite3.Connection, ids: list[str]) -> None:
        rows = self._store.rows(
            "SELECT item_id, query, passage_ids FROM items"
            " WHERE item_id IN (SELECT unnest(?::VARCHAR[]))",
            [ids],
        )
        wanted = list({each for row in rows for each in row["passage_ids"]})
        known = _numbers(connection, "passages", "passage_id", wanted)
        for row in self._store.rows(
            "SELECT passage_id, title, text FROM passages"
            " WHERE passage_id IN (SELECT unnest(?::VARCHAR[]))",
            [[each for each in wanted if each not in known]],
        ):
            n = connection.execute(
                "INSERT INTO passages (passage_id) VALUES (?)", [row["passage_id"]]
            ).lastrowid
            assert n is not None
            known[row["passage_id"]] = n
            connection.execute(
                "INSERT INTO passage_texts (rowid, text) VALUES (?, ?)",
                [n, _words(f"{row['title'] or ''}\n{row['text']}")],
            )
        for row in rows:
            n = connection.execute(
                "INSERT INTO items (item_id) VALUES (?)", [row["item_id"]]
            ).lastrowid
            connection.execute(
                "INSERT INTO query_texts (rowid, text) VALUES (?, ?)", [n, _words(row["query"])]
            )
            connection.executemany(
                "INSERT OR IGNORE INTO candidates VALUES (?, ?)",
                [(known[each], n) for each in row["passage_ids"]],
            )

    def _add_chains(self, connection: sqlite3.Connection, ids: list[str]) -> None:
        rows = self._store.rows(
            "SELECT r.ranking_id, r.item_id, t.chain FROM rankings r"
            " JOIN ranking_texts t USING (ranking_id)"
            " WHERE r.ranking_id IN (SELECT unnest(?::VARCHAR[]))",
            [ids],
        )
        known = _numbers(connection, "items", "item_id", list({row["item_id"] for row in rows}))
        for row in rows:
            n = connection.execute(
                "INSERT INTO rankings (ranking_id, item) VALUES (?, ?)",
                [row["ranking_id"], known[row["item_id"]]],
            ).lastrowid
            if row["chain"]:
                connection.execute(
                    "INSERT INTO chain_texts (rowid, text) VALUES (?, ?)", [n, _words(row["chain"])]
                )


def match_expression(text: str) -> str:
    """Return a search as FTS5 reads it, each term quoted; empty where there is nothing to find.

    Example:
        >>> match_expression('energ* "at rest" OR [3]')
        '"energ"* "at rest" "OR" "[3]"'
    """
    # FTS5 stops at a NUL, and cannot encode half of a surrogate pair.
    text = text[:_LONGEST].replace("\0", " ").encode("utf-8", "replace").decode()
    terms = []
    for phrase, _, word in _TERM.findall(text):
        term = _words(phrase or word).strip()
        if any(char.isalnum() for char in term):
            prefix = "*" if word.endswith("*") else ""
            terms.append(f'"{term.rstrip("*") if prefix else term}"{prefix}')
    return " ".join(terms[:_MOST_TERMS])


def _words(text: str) -> str:
    return text if text.isascii() else _UNSPACED.sub(r" \1 ", text)


def _portions(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), _PORTION):
        yield ids[start : start + _PORTION]


def _numbers(
    connection: sqlite3.Connection, table: str, column: str, ids: list[str]
) -> dict[str, int]:
    """Return the row numbers of those ids that a table holds."""
    found: dict[str, int] = {}
    for portion in _portions(ids):
        marks = ", ".join("?" * len(portion))
        found |= connection.execute(
            f"SELECT {column}, n FROM {table} WHERE {column} IN ({marks})",  # noqa: S608 - our own names
            portion,
        ).fetchall()
    return found
