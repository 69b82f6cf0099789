"""Spans of many notes from files to files, killed at random moments and run again."""
