"""What the fixtures of these tests are."""

from collections.abc import Awaitable, Callable

from seedance_mcp.storage.task_store import TaskStore

OpenStore = Callable[[], Awaitable[TaskStore]]
"""Opens the same tasks once more, as another process would."""
