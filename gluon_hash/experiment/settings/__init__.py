"""What an experiment is: its configuration, read, written, described; what comes along."""
