"""Trials of the queue with real workers in processes of their own: what kills do to it, how work spreads.

`mednerapp bench kills` and `mednerapp bench workers`. Each trial has a data folder and a demo of its own.
"""
