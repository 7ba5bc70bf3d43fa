"""Plain values and rules; nothing here knows HTTP, SQL or MCP."""
