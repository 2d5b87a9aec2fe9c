"""Chat as text: messages as a person reads them, names on one line, nothing that passes for structure."""
