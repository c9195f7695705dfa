"""Plots and tables that a person looks at to judge a run."""
