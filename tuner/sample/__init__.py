"""A small invented server, for the quick start: its export, and the configuration to build from it. Data only."""
