"""Whose words may be used: who is in the `audience`, and `intake`, the one door into the archive.

Every source hands its messages to the door before anything is stored; nothing behind it sees words of others.
"""
