"""Makes a video through MCP, in memory, with the demo provider: no key, no cost.

Run it with `uv run python examples/first_video.py`.
"""

import os

import anyio
from mcp import Client

from seedance_mcp.server import Program
from seedance_mcp.settings import load_settings


async def show(progress: float, total: float | None, message: str | None) -> None:
    """Called by the client for every progress notification of the server."""
    print(f"{progress:3.0f} of {total or 100:.0f}  {message}")


async def main() -> None:
    """One video, from the wish to the file."""
    # No key of this environment is read, so that nothing can cost anything.
    without_keys = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    program = Program(load_settings(without_keys))
    async with Client(program.mcp) as client:
        print("Tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))

        wish = {"prompt": "a paper boat on a rainy street", "duration": 4, "resolution": "480p"}
        price = await client.call_tool("estimate_cost", wish)
        print("Estimates:", price.structured_content)

        video = await client.call_tool("create_video", {**wish, "wait_seconds": 60}, progress_callback=show)
        for block in video.content:
            print(getattr(block, "text", None) or getattr(block, "uri", ""))


if __name__ == "__main__":
    anyio.run(main)
