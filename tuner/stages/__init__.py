"""The way of a message, in order: collect, segment, refine, relabel, synthesize, export."""
