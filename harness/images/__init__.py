"""Pictures: found in folders, read, checked and split."""
