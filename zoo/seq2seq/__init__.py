"""Sequence to sequence models, and how they decode."""
