"""Identifiers in clinical text: finding them, replacing them, and putting them back.

Pure: text in, values out; nothing is stored, logged or fetched here. What these recognisers find is help for a person,
never a promise: `docs/identifiers.md` says what they miss.
"""
