"""One rule-book a module: attributes, errors, spans, metrics."""
