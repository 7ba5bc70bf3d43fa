"""create_video: starts a paid video and answers with its task."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import anyio
from mcp_types import CallToolResult, ToolAnnotations

from seedance_mcp.domain.errors import SeedanceError
from seedance_mcp.domain.task import Task
from seedance_mcp.domain.video import VideoRequest
from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tasks.order import Order
from seedance_mcp.tasks.plan import problems_with, refusal_of
from seedance_mcp.tools.app import Call
from seedance_mcp.tools.arguments import video_request
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.parameters import Parameter, video_parameters
from seedance_mcp.tools.task_view import TASK_OUTPUT, task_result
from seedance_mcp.tools.waiting import CREATE_S, WAIT_SECONDS, wait

LIMITS = (
    Parameter(name="label", kind="string", description="Your short name for it; also names the file."),
    Parameter(name="max_cost_usd", kind="number", description="Refuse if it could cost more.", minimum=0),
    Parameter(
        name="idempotency_key",
        kind="string",
        description="Same key = same task, never a second video. New video, new key.",
    ),
    WAIT_SECONDS,
)


def create_video(specs: Sequence[ProviderSpec], elsewhere: Mapping[str, tuple[str, ...]]) -> ToolSpec:
    return ToolSpec(
        name="create_video",
        title="Create a video",
        description=(
            "Start one AI video. This spends the user's money (estimate_cost says how much). Answers with a task; "
            "while it is not done, call get_task. Do not call this again for the same video."
        ),
        parameters=(*video_parameters(specs), *LIMITS),
        offered_elsewhere=elsewhere,
        output=TASK_OUTPUT,
        annotations=ToolAnnotations(
            read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
        ),
        run=run,
    )


async def run(call: Call) -> CallToolResult:
    """Checks everything, stores the task, waits a little for it."""
    request = checked_request(call)
    tasks = await call.app.tasks()
    task = await tasks.create(
        Order(
            owner=call.owner,
            request=request,
            idempotency_key=call.arguments.text("idempotency_key"),
            max_cost_usd=call.arguments.number("max_cost_usd"),
        )
    )
    try:
        (task,) = await wait(call, [task.task_id], without_token_s=CREATE_S)
        # Made before the task counts as answered, and handed over after.
        answer = None if was_refused(task) else task_result(call.app, task, tasks.progress(task))
        await call.app.create_answered(str(call.context.request_id), task)
    except BaseException as error:
        # However the call ends without its answer, an equal one must find this task instead of buying another.
        with anyio.CancelScope(shield=True):
            await tasks.abandoned(task)
        if isinstance(error, SeedanceError):
            error.task_id = error.task_id or task.task_id
        raise
    if answer is None:
        raise refusal(task)
    return answer


def checked_request(call: Call) -> VideoRequest:
    """The request, once nothing at all is wrong with it.

    Raises:
        InvalidRequestError: With every problem there is, of the arguments and of every provider.
    """
    # Imported late: it brings the HTTP library along, which a host's first questions do not need.
    from seedance_mcp.tasks.inputs import media_problems

    catalogue = call.app.catalogue
    request = video_request(call.arguments)
    # A prompt that was left out is one problem, not one for each provider as well.
    checked = request if "prompt" in call.arguments.values else replace(request, prompt="-")
    problems = (
        *call.arguments.problems,
        *media_problems(request, catalogue.origins),
        *problems_with(checked, catalogue),
    )
    if problems:
        raise refusal_of(request, problems, catalogue)
    return request


def was_refused(task: Task) -> bool:
    """Whether it failed before any provider took it, so that nothing was started."""
    return task.status == "failed" and task.send_state == "never"


def refusal(task: Task) -> SeedanceError:
    failure = task.error
    message = failure.message if failure else "The video was not sent."
    if task.idempotency_key is not None:
        message += " To try again, use a new idempotency_key: this one stands for the refused task."
    kind = failure.kind if failure else "internal"
    return SeedanceError(message, kind=kind, task_id=task.task_id, retryable=bool(failure and failure.retryable))
