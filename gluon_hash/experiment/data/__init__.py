"""What a configuration reads: its files and whether they are the same, features, loaders."""
