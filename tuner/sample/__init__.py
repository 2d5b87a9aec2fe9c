"""A small invented server: its export and the configuration to build from it."""
