"""The files that come out: what a trainer accepts, and how many tokens a line costs.

Lines are put together in `tuner.stages.export` and written by `tuner.adapters.dataset_files`.
"""
