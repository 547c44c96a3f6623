"""MCP operations as spans and metrics: the ``groundhog_mcp`` instrumentor."""
