"""What the pages are made of: who may see them, their state, their figures and components."""
