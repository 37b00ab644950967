"""A comparison: several networks trained, measured and set side by side."""
