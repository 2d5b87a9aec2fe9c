"""Tuner inside Discord: commands, progress in an admin channel, and an archive that follows edits and deletions."""
