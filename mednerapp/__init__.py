"""MedNER: annotate, review and learn medical named entities."""

__version__ = "0.1.0"
