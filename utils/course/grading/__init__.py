"""Marking submitted notebooks: a sandbox that runs them, and a judge that trusts none of it.

The submission runs in a process of its own (`child`), which only maps inputs to outputs over a
pipe. What comes back is numbers, text and arrays (`wire`), never code: the judging process
(`judge`) holds stand-ins for the student's functions, classes and networks (`remote`), hands them
to the checks of `utils.exercises`, and writes the marks. `sandbox` sets the limits.
"""
