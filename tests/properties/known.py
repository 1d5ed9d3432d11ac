"""What is known to fall short, found by the trials: function, part of an argument, kinds, reason.

Each entry is a value that is outside what the docstring allows and is answered all the same, with a
number that means nothing, or by an error that no docstring names. Entries only ever leave this file,
and the last has left: a new finding fails, and so would an entry that no longer happens.
"""

KNOWN: dict[str, tuple[dict[str, str], str]] = {}
