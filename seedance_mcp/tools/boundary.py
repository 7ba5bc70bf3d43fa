"""The one place where a tool's arguments come in and its errors go out."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp import MCPError
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp_types import CallToolResult, TextContent, ToolAnnotations

from seedance_mcp.domain.errors import SeedanceError
from seedance_mcp.tools.app import App, Call
from seedance_mcp.tools.arguments import read
from seedance_mcp.tools.parameters import Parameter
from seedance_mcp.tools.schema import Schema, input_schema

logger = logging.getLogger(__name__)

ERROR_META = "seedance-mcp/error"
INTERNAL = "The server made a mistake; it is in its log. list_tasks shows what is under way."


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """One tool as a value. `parameters` and the check of arguments are the same data."""

    name: str
    title: str
    description: str
    parameters: Sequence[Parameter]
    output: Schema
    offered_elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Arguments that only providers take which are not configured."""
    annotations: ToolAnnotations
    run: Callable[[Call], Awaitable[CallToolResult]]


class SeedanceTool(Tool):
    """A tool that reads its own arguments: the SDK would drop unknown ones and answer in library words."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: FBT002
    ) -> CallToolResult:
        del convert_result
        result: CallToolResult = await self.fn(arguments, context)
        return result


def publish(spec: ToolSpec) -> Tool:
    """The tool as the SDK serves it."""

    async def run(arguments: dict[str, Any], context: Context[App, Any]) -> CallToolResult:
        app = context.request_context.lifespan_context
        call = Call(
            app=app,
            arguments=read(spec.parameters, arguments, spec.name, spec.offered_elsewhere),
            context=context,
            started_at=app.clock.now(),
        )
        try:
            return await spec.run(call)
        except SeedanceError as error:
            return error_result(error, about=call.arguments.text("task_id"))
        except MCPError:
            raise
        except Exception:
            logger.exception("%s failed", spec.name)
            return error_result(SeedanceError(INTERNAL))

    return SeedanceTool(
        fn=run,
        name=spec.name,
        title=spec.title,
        description=spec.description,
        parameters=input_schema(spec.parameters),
        fn_metadata=FuncMetadata(arg_model=ArgModelBase, output_schema=spec.output),
        is_async=True,
        context_kwarg=None,
        annotations=spec.annotations,
        icons=None,
        meta=None,
    )


def error_result(error: SeedanceError, *, about: str | None = None) -> CallToolResult:
    """Text only: clients hold structured content against the output schema even on errors.

    An error that concerns a task names it, in the text and in the facts; `about` is the task the caller named.
    """
    task_id = error.task_id or about
    text = error.message if task_id is None or task_id in error.message else f"{error.message} (task {task_id})"
    facts: dict[str, Any] = {"kind": error.kind, "message": text, "retryable": error.can_retry}
    if error.problems:
        facts["problems"] = list(error.problems)
    if task_id is not None:
        facts["task_id"] = task_id
    return CallToolResult(is_error=True, content=[TextContent(type="text", text=text)], _meta={ERROR_META: facts})
