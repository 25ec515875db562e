"""The same handlers for programs: named endpoints and MCP tools."""
