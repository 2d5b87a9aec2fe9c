"""What the bot listens to: commands, and changes to stored messages."""
