"""Measurements of our own engine against the libraries' usual way, on this machine, in one run."""
