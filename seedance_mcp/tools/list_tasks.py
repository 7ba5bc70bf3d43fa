"""list_tasks: recent tasks; how an assistant finds a task whose id it lost, or waits for a whole storyboard."""

from collections.abc import Sequence

from mcp_types import CallToolResult, TextContent, ToolAnnotations

from seedance_mcp.domain.errors import InvalidRequestError
from seedance_mcp.domain.task import STATUSES, Status, Task
from seedance_mcp.tasks.progress import Progress
from seedance_mcp.tools.app import Call
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.parameters import Parameter
from seedance_mcp.tools.schema import output_schema
from seedance_mcp.tools.task_view import next_step, short, text
from seedance_mcp.tools.waiting import WAIT_SECONDS, task_ids_of, wait

DEFAULT_LIMIT = 10
MAX_LIMIT = 50


async def run(call: Call) -> CallToolResult:
    call.arguments.check()
    task_ids = task_ids_of(call)
    found = await wait(call, task_ids, through_waiting=True) if task_ids else await _recent(call)
    service = await call.app.tasks()
    progress = [service.progress(task) for task in found]
    rows = [short(call.app, task, one) for task, one in zip(found, progress, strict=True)]
    facts: dict[str, object] = {"tasks": rows}
    lines = [_line(call, task, one) for task, one in zip(found, progress, strict=True)]
    if not task_ids and len(found) == _limit(call):
        facts["next_cursor"] = _cursor(found[-1])
        lines.append(f'More: list_tasks(cursor="{facts["next_cursor"]}").')
    return CallToolResult(
        content=[TextContent(type="text", text="\n".join(lines) or "No tasks yet.")], structured_content=facts
    )


async def _recent(call: Call) -> Sequence[Task]:
    service = await call.app.tasks()
    status: Status | None = call.arguments.text("status")  # pyright: ignore[reportAssignmentType]
    return await service.recent(
        call.owner, status=status, before=_before(call.arguments.text("cursor")), limit=_limit(call)
    )


def _limit(call: Call) -> int:
    return call.arguments.integer("limit") or DEFAULT_LIMIT


def _line(call: Call, task: Task, progress: Progress) -> str:
    line = text(call.app, task, progress)
    step = next_step(task)
    return line.removesuffix(f" {step}") if step else line


def _cursor(task: Task) -> str:
    return f"{task.created_at!r}_{task.task_id}"


def _before(cursor: str | None) -> tuple[float, str] | None:
    if cursor is None:
        return None
    created_at, _, task_id = cursor.partition("_")
    try:
        return float(created_at), task_id
    except ValueError:
        problem = (
            f"cursor is the next_cursor of an earlier answer; {cursor[:80]!r} was given. Leave it out to start over."
        )
        raise InvalidRequestError(problem, problems=(problem,)) from None


LIST_TASKS = ToolSpec(
    name="list_tasks",
    title="List video tasks",
    description="Recent videos, newest first. With task_ids: waits until all of them have ended. Free.",
    parameters=(
        Parameter(name="status", kind="string", description="Only these.", choices=STATUSES),
        Parameter(name="task_ids", kind="strings", description="Only these."),
        Parameter(name="limit", kind="integer", description=f"Default {DEFAULT_LIMIT}.", minimum=1, maximum=MAX_LIMIT),
        Parameter(name="cursor", kind="string", description="next_cursor of the answer before."),
        WAIT_SECONDS,
    ),
    output=output_schema(["tasks"], tasks="object[]", next_cursor="string"),
    annotations=ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    ),
    run=run,
)
