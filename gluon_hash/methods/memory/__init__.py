"""What a method remembers from batch to batch."""
