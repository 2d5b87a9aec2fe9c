"""Asking a language model: the question and the answer, retries, budget, and what it would cost.

What is asked of it stands with the stages that ask: `tuner.stages.verdict` and `tuner.stages.synthesize`. The client
is `tuner.adapters.openai_chat`.
"""
