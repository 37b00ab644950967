"""A training: put together, estimated, run into its folder, gone on with."""
