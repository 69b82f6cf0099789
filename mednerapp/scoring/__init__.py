"""Counting matches and saying how sure the counts are. Pure: values in, numbers out."""
