"""What runs, comparisons, models and files say of themselves; reports."""
