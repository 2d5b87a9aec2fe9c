"""The only modules that touch the world: Discord, exports, models, SQLite."""
