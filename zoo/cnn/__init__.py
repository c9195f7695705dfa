"""Convolutional networks, one family a file."""
