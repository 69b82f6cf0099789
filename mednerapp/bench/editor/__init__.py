"""The span editor against what a page can do at best, in a real Chromium on this machine."""
