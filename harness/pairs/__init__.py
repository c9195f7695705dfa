"""Pairs of texts: read, split, made into tokens and batches; answers, scored."""
