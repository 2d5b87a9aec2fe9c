"""From a dataset to a tuned model: recipes for one's own GPU, and jobs at a provider: what may follow what, and prices.

Values only: nothing here asks a provider, writes a file or knows the archive.
"""
