"""What an MCP client sees. `tools_for` is the whole surface, made for the configured providers."""

from collections.abc import Sequence

from seedance_mcp.providers.spec import ProviderSpec
from seedance_mcp.tools.boundary import ToolSpec
from seedance_mcp.tools.cancel_task import CANCEL_TASK
from seedance_mcp.tools.create_video import create_video
from seedance_mcp.tools.estimate_cost import estimate_cost
from seedance_mcp.tools.get_task import get_task
from seedance_mcp.tools.list_tasks import LIST_TASKS
from seedance_mcp.tools.parameters import offered_elsewhere


def tools_for(specs: Sequence[ProviderSpec], known: Sequence[ProviderSpec] = ()) -> tuple[ToolSpec, ...]:
    """Every tool, its schema derived from what these providers accept; `known` are those that could be configured."""
    elsewhere = offered_elsewhere(specs, known)
    return (
        create_video(specs, elsewhere),
        get_task(specs),
        CANCEL_TASK,
        estimate_cost(specs, elsewhere),
        LIST_TASKS,
    )
