"""The files that come out: what a trainer accepts, and how many tokens a line costs."""
