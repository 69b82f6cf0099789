"""Models that find spans: loading, windows, alignment of tokens with words, prediction."""
