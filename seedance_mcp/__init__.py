"""AI video with Seedance 2.0 for any MCP client."""

__version__ = "0.1.0"
