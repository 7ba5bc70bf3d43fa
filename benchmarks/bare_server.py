"""What a server on the same SDK costs that does nothing: five trivial tools over stdio. See start.py and calls.py."""

from mcp.server import MCPServer

mcp = MCPServer("bare", log_level="WARNING")


@mcp.tool()
async def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@mcp.tool()
async def repeat(text: str, times: int = 2) -> str:
    """Repeat a text."""
    return text * times


@mcp.tool()
async def count(text: str) -> int:
    """Count the characters of a text."""
    return len(text)


@mcp.tool()
async def reverse(text: str) -> str:
    """Turn a text around."""
    return text[::-1]


@mcp.tool()
async def is_even(number: int) -> bool:
    """Whether a number is even."""
    return number % 2 == 0


if __name__ == "__main__":
    mcp.run()
