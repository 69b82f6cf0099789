"""Malformed uploads made from valid ones of each type, and the import of many notes, with what they cost."""
