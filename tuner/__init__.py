"""Tuner turns a Discord server's history into a chat fine-tuning dataset.

A message comes from Discord or an export (`adapters`), passes the door (`people.intake`) into the archive (`adapters`
again), and goes through the `stages`: collect, segment (`linking`), refine (`asking`), relabel, synthesize, export
(`prompt`, `dataset`). `pipeline` tells this on one page. `cli` and, outside this package, `bot` show it and start it.
"""

__version__ = "0.1.0"
