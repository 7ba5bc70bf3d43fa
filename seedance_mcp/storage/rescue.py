"""Somebody has removed the file under a running server: what it still knows goes into the new one.

A removed file lives on as long as it is open, but the next process would find none of the videos that were paid for.
"""

import sqlite3

_TABLES = ("tasks", "workers", "provider_limits")


def carry_over(old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copies every row that the new file does not have; another process may have brought its own there already."""
    new.execute("BEGIN IMMEDIATE")
    try:
        there = {row[0] for row in new.execute("SELECT task_id FROM tasks")}
        for table in _TABLES:
            _copy(old, new, table)
        for row in old.execute("SELECT task_id, at, before, after FROM transitions ORDER BY rowid"):
            if row[0] not in there:
                new.execute("INSERT INTO transitions VALUES (?, ?, ?, ?)", tuple(row))
        new.execute("COMMIT")
    except BaseException:
        new.execute("ROLLBACK")
        raise


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    rows = old.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608  (names of this file)
    names = [column[0] for column in rows.description]
    statement = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    new.executemany(statement, [tuple(row) for row in rows])
