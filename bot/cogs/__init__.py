"""What the bot listens to: /tuner commands (`tuner`), and changes to stored messages (`archive`)."""
