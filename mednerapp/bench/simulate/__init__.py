"""Data with a known truth, and how often our statistics find it. Without the command line; nothing is stored."""
