"""The schema, step by step. Append only: a step that was released is never edited."""

from collections.abc import Callable
from sqlite3 import Connection

from seedance_mcp.domain.errors import StoreError


def m001_initial(db: Connection) -> None:
    """Every column is named like the field of `Task` it holds; nested values are JSON."""
    db.execute(
        """
        CREATE TABLE tasks (
            task_id TEXT PRIMARY KEY, owner TEXT NOT NULL, status TEXT NOT NULL,
            provider TEXT NOT NULL, model TEXT, mode TEXT, label TEXT,
            created_at REAL NOT NULL, updated_at REAL NOT NULL, started_at REAL, ended_at REAL,
            request TEXT NOT NULL, provider_task_id TEXT, progress REAL,
            estimate TEXT NOT NULL, charge TEXT NOT NULL, video TEXT NOT NULL, last_frame_url TEXT,
            error TEXT NOT NULL, notes TEXT NOT NULL,
            send_state TEXT NOT NULL, attempt TEXT, attempted_at REAL, alternatives TEXT NOT NULL,
            cancel_asked INTEGER NOT NULL,
            fingerprint TEXT NOT NULL, idempotency_key TEXT, caller TEXT, answered_at REAL, abandoned_at REAL,
            max_cost_usd REAL, reserved_usd REAL,
            follower TEXT, next_step_at REAL, failed_steps INTEGER NOT NULL, input_task_ids TEXT NOT NULL
        )
        """
    )
    db.execute("CREATE UNIQUE INDEX task_keys ON tasks (owner, idempotency_key) WHERE idempotency_key IS NOT NULL")
    db.execute("CREATE INDEX task_recent ON tasks (owner, created_at DESC, task_id DESC)")
    db.execute("CREATE INDEX task_fingerprints ON tasks (owner, fingerprint, created_at)")
    db.execute("CREATE INDEX task_provider_ids ON tasks (owner, provider, provider_task_id)")
    db.execute("CREATE INDEX task_steps ON tasks (next_step_at) WHERE next_step_at IS NOT NULL")
    db.execute(
        """
        CREATE TABLE transitions (
            task_id TEXT NOT NULL REFERENCES tasks (task_id), at REAL NOT NULL, before TEXT, after TEXT NOT NULL
        )
        """
    )
    db.execute("CREATE INDEX transition_tasks ON transitions (task_id, at)")
    db.execute("CREATE TABLE workers (worker TEXT PRIMARY KEY, alive_until REAL NOT NULL)")


def m002_times_and_limits(db: Connection) -> None:
    """What is learned: how long videos take, and how many a provider makes at once."""
    db.execute("ALTER TABLE tasks ADD COLUMN looked_at REAL")
    db.execute("ALTER TABLE tasks ADD COLUMN took_s REAL")
    db.execute("CREATE INDEX task_times ON tasks (provider, model, ended_at) WHERE took_s IS NOT NULL")
    db.execute("CREATE INDEX task_lines ON tasks (provider) WHERE send_state = 'to_send'")
    db.execute("CREATE INDEX task_places ON tasks (provider, send_state, status)")
    db.execute("CREATE INDEX task_ends ON tasks (owner, ended_at)")
    db.execute(
        """
        CREATE TABLE provider_limits (
            provider TEXT PRIMARY KEY, max_concurrent INTEGER, learned_at REAL NOT NULL, not_before REAL
        )
        """
    )


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (m001_initial, m002_times_and_limits)


def migrate(db: Connection) -> None:
    """Brings the store to the newest schema, in one transaction.

    Raises:
        StoreError: The store was written by a newer version of this program.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        _apply(db)
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _apply(db: Connection) -> None:
    db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
    applied = {str(row[0]) for row in db.execute("SELECT name FROM migrations")}
    if applied - {step.__name__ for step in MIGRATIONS}:
        raise StoreError(
            "The task store was written by a newer version of seedance-mcp. Update this one, or set "
            "SEEDANCE_DATA_DIR to another folder; nothing was changed."
        )
    for step in MIGRATIONS:
        if step.__name__ not in applied:
            step(db)
            db.execute("INSERT INTO migrations VALUES (?, datetime('now'))", (step.__name__,))
