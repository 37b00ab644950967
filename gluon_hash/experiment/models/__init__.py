"""Models by their path, as one Encoder; exported, verified, in parts of a collection."""
