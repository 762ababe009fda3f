"""Tools behind the Model Context Protocol: run as a program it speaks over stdin and stdout."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("ports")


@server.tool()
def wind(port: str) -> str:
    """The wind in a port."""
    return f"north-west at {port}"


if __name__ == "__main__":
    server.run("stdio")
