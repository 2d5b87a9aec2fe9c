"""Tuner inside Discord: commands, progress in an admin channel, and an archive that follows edits and deletions.

`__main__` builds everything, `client` holds the connection, `cogs` hear what happens, `builds` owns the one build that
may run, `heartbeat` keeps its message up to date, `embeds` say how it looks. What a build does is `tuner.pipeline`.
"""
