"""One run: what it needs, whose words it may use, its row in the archive, and what becomes of its files."""
