"""Bring the schema up to date: numbered SQL files, each applied once, in order."""

from importlib.resources import files

import duckdb

from db.errors import MigrationError


def _scripts() -> list[tuple[int, str, str]]:
    """Return (number, name, SQL) of every migration, in order."""
    found = sorted(
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in files("db").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    return [(int(name.split("_")[0]), name, sql) for name, sql in found]


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Apply the migrations that are missing and return their names.

    A script and the record of it share one transaction: when a script fails, its changes are
    rolled back, no record is written, and it stays pending.

    Raises:
        MigrationError: If a script fails, or the database comes from a newer RankDesk.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number BIGINT PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)"
    ).fetchall()
    scripts = _scripts()
    applied = {
        number for (number,) in connection.execute("SELECT number FROM migrations").fetchall()
    }
    if unknown := applied - {number for number, _, _ in scripts}:
        raise MigrationError(
            f"The workspace holds migration {max(unknown)}, which this RankDesk does not know. "
            "It was written by a newer version: upgrade RankDesk to open it."
        )
    done = []
    for number, name, sql in scripts:
        if number in applied:
            continue
        connection.begin()
        try:
            connection.execute(sql)
            connection.execute("INSERT INTO migrations VALUES (?, ?, now())", [number, name])
            connection.commit()
        except duckdb.Error as error:
            connection.rollback()
            raise MigrationError(f"Migration {name} failed and was rolled back: {error}") from error
        done.append(name)
    return done
