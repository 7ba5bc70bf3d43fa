"""get_task: a task as it is, waiting a while for its end."""

from collections.abc import Sequence

from mcp_types import CallToolResult, ToolAnnotations

from seedance_mcp.domain.errors import InvalidRequestError
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tools.app import Call
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.parameters import Parameter
from seedance_mcp.tools.task_view import TASK_OUTPUT, task_result
from seedance_mcp.tools.waiting import WAIT_SECONDS, wait


def get_task(specs: Sequence[ProviderSpec]) -> ToolSpec:
    return ToolSpec(
        name="get_task",
        title="Get a video task",
        description="How a video is doing; waits a while for its end, then gives file, link and cost. Free.",
        parameters=(
            Parameter(name="task_id", kind="string", description="From create_video or list_tasks."),
            Parameter(
                name="provider",
                kind="string",
                description="Instead of task_id, with provider_task_id: follow a task made elsewhere.",
                choices=tuple(spec.id for spec in specs),
                checked_later=True,
            ),
            Parameter(name="provider_task_id", kind="string", description="The provider's own id."),
            WAIT_SECONDS,
        ),
        output=TASK_OUTPUT,
        annotations=ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=True
        ),
        run=run,
    )


async def run(call: Call) -> CallToolResult:
    call.arguments.check()
    task_id = await _task_id(call)
    (task,) = await wait(call, [task_id])
    tasks = await call.app.tasks()
    return task_result(call.app, task, tasks.progress(task))


async def _task_id(call: Call) -> str:
    """The id asked for; a task made elsewhere is taken in first, and an uncertain one is told which it is."""
    task_id = call.arguments.text("task_id")
    provider, theirs = call.arguments.text("provider"), call.arguments.text("provider_task_id")
    if task_id and not (provider or theirs):
        return task_id
    if task_id and theirs and not provider:
        tasks = await call.app.tasks()
        return (await tasks.settle(call.owner, task_id, theirs)).task_id
    if provider and theirs and not task_id:
        tasks = await call.app.tasks()
        return (await tasks.adopt(call.owner, provider, theirs)).task_id
    problem = (
        "get_task takes task_id, or provider together with provider_task_id (a task made elsewhere); task_id together "
        "with provider_task_id says which one an uncertain task is. Give one of these."
    )
    raise InvalidRequestError(problem, problems=(problem,))
