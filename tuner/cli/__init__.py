"""The terminal's face: arguments in, sentences and an exit code out. A module a command."""
