"""One file for each kind of identifier: `find(text)` gives what it holds, in any order, perhaps overlapping."""
