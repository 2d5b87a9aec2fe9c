"""Asking a model: question and answer, patience, budget."""
