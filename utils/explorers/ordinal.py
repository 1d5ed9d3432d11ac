"""Explorer of ordinal regression: CORAL's common line with its thresholds, OR's own lines."""

from collections.abc import Sequence

from utils.explorers import Explorer, _explorer

BIASES = (4.0, 2.0, 0.0, -2.0, -4.0)
"""Biases the explorer starts with, one a task, in order as the theorem has them."""

SLOPES = (1.5, 0.6, 1.3, 0.5, 1.1)
"""What OR's tasks multiply the score by: every task has weights of its own."""


def coral_thresholds(
    biases: Sequence[float] = BIASES, score: float = 1.0, method: str = "CORAL", *, number: int = 1
) -> Explorer:
    """Move the score and the biases; see the K-1 probabilities and the rank they add up to.

    Parameters
    ----------
    biases : sequence of 2 to 6 floats
        b_1 .. b_(K-1) at the start, -8..8 in steps of a tenth.
    score : float
        g(x) = w.h(x) at the start, -8..8.
    method : {"CORAL", "OR"}
        One weight vector for all tasks, or one each (slopes from `SLOPES`, repeated).
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If a value is out of range or the method unknown.
    """
    if method not in ("CORAL", "OR"):
        raise ValueError(f'method is {method!r}: give "CORAL" or "OR"')
    values = [round(float(bias), 1) for bias in biases]
    if not 2 <= len(values) <= 6 or not all(-8 <= value <= 8 for value in [*values, score]):
        raise ValueError(
            f"biases {biases} and score {score}: give two to six biases and a score, all from "
            "-8 to 8"
        )
    settings = {
        "biases": values,
        "slopes": [SLOPES[k % len(SLOPES)] for k in range(len(values))],
        "score": round(float(score), 1),
        "method": method,
    }
    text = (
        f"Ordinal regression with {len(values) + 1} ranks: the score is moved along a line, "
        f"{method} turns it into {len(values)} probabilities and these into a rank."
    )
    return _explorer("coral-thresholds", "One score, many thresholds", text, settings, number)
