"""Which message does a message answer? A model of it, and the annotated chat it learns from."""
