"""Everything of the web process that is not a page: who is asking, signing in, saving edits, exports, health."""
