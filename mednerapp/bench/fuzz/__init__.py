"""Random work on the annotate page of the real product.

What the browser shows, what the database holds and what the event log leads to have to be the same, and what was
acknowledged has to be there, whatever happens in between.
"""
