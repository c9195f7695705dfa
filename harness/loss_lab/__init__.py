"""Several losses side by side: same model, data, seeds and budget."""
