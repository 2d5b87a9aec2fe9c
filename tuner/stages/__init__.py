"""The way of a message, in order: collect, segment, refine, relabel, synthesize, export.

Three stages keep what they decide apart, without I/O: segment in `cut`, refine in `verdict`, synthesize in `recall`.
What a stage needs of the world is a Protocol beside it; `tuner.pipeline` hands in the adapters.
"""
