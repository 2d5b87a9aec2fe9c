"""The production prompt: what a deployed bot sends before the turns, and how it writes turns and tool results.

Samples are built with the same code, so that what is trained is what is served.
"""
