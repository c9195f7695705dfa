"""Tables: read, typed, checked, split, and encoded for a model."""
