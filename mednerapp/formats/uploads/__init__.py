"""Files as hospitals have them: their notes, read in a process of its own with little time and memory."""
