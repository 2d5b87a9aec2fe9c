"""Tuner turns a Discord server's history into a chat fine-tuning dataset."""

__version__ = "0.1.0"
