"""The full experiments of the lectures, one module ``lecture_NN`` each.

A study has

``TITLE``
    What is asked, in one line.
``SEEDS``
    The seeds every cell is run with.
``CELLS``
    Name of each cell of the experiment: its parameters, without the seed.
``run_cell(**parameters, seed) -> dict``
    One run: numbers (or lists of numbers) by name, the same whenever it is repeated. Under
    ``"files"`` it may give small files (name to bytes) that lectures show.
``OF_THE_MACHINE``
    Where there are such: the names of results that no repetition gives again (seconds).
``summary(runs) -> dict``
    What the stored runs (`utils.measured.Runs`) say together.

The module is imported in worker processes of one thread, so it imports what is heavy only where
it is used. `utils.course.study` runs it and stores what it found.
"""
