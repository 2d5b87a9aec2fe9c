"""Whose words may be used: the audience, and the one door into the archive."""
