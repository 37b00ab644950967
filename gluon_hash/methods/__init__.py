"""Methods: what a paper is made of, its loss, memory and head."""
