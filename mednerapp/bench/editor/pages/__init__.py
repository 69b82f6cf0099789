"""What the measured pages are served from."""
