"""What makes the documentation: the site's links, the reference that is written from the code, the snippets to run."""
