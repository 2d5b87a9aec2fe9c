"""The only modules that touch the world: they carry, and decide nothing.

History comes in through `discord_history` (its pages: `discord_page`) or `discord_export`, both `lenient` towards what
strangers wrote. The archive is one SQLite file: `sqlite_store` opens it, `sqlite_history` holds what was read,
`sqlite_runs` what was run and paid for. `openai_chat` asks models, `dataset_files` writes what comes out.
"""
