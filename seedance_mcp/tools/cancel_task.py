"""cancel_task: stops a video where that can be done, and says whether it still costs."""

from mcp_types import CallToolResult, TextContent, ToolAnnotations

from seedance_mcp.tools.app import Call
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.parameters import Parameter
from seedance_mcp.tools.schema import output_schema


async def run(call: Call) -> CallToolResult:
    call.arguments.check()
    tasks = await call.app.tasks()
    cancelled = await tasks.cancel(call.owner, call.arguments.text("task_id") or "")
    task = cancelled.task
    costs = {"yes": "yes", "no": "no", "unknown": "not known"}
    message = cancelled.message
    return CallToolResult(
        content=[
            TextContent(
                type="text",
                text=f"Video {task.task_id}: {cancelled.outcome}. {message} Still costs: "
                f"{costs[cancelled.still_costs]}. Status: {task.status}.",
            )
        ],
        structured_content={
            "task_id": task.task_id,
            "status": task.status,
            "outcome": cancelled.outcome,
            "still_costs": cancelled.still_costs,
            "message": message,
        },
    )


CANCEL_TASK = ToolSpec(
    name="cancel_task",
    title="Cancel a video task",
    description="Stop a video that is not finished, where the provider can; says whether it still costs.",
    parameters=(
        Parameter(name="task_id", kind="string", description="From create_video or list_tasks.", required=True),
    ),
    output=output_schema(
        ["task_id", "status", "outcome", "still_costs", "message"],
        task_id="string",
        status="string",
        outcome="string",
        still_costs="string",
        message="string",
    ),
    annotations=ToolAnnotations(
        read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
    ),
    run=run,
)
