"""How long an analysis takes, and what memory."""
