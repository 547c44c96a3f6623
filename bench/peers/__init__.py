"""Other instrumentations of MCP, each in an environment of its own: what they cost and what they get right."""
