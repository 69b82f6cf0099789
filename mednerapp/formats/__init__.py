"""Exchange formats: bytes in, notes out, and back. One file for each."""
