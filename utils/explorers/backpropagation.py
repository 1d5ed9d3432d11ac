"""Explorer of back-propagation through a shared weight, one use after the other."""

from collections.abc import Sequence

from utils.explorers import Explorer, _explorer

SIGNAL = (1.0, 2.0, -1.0, 0.5)
WEIGHTS = (0.5, -1.0)
TARGETS = (0.0, 1.0, 0.0)


def shared_weight(
    signal: Sequence[float] = SIGNAL,
    weights: Sequence[float] = WEIGHTS,
    targets: Sequence[float] = TARGETS,
    *,
    number: int = 1,
) -> Explorer:
    """Step through the gradient of two weights that three outputs share.

    A signal of four values is correlated with a kernel of two weights; the loss is half the sum
    of squared errors.  Each step shows what one use of the weights adds to their gradients; the
    last one updates them, with the sum or with the average of the uses.

    Parameters
    ----------
    signal, weights, targets : sequences of 4, 2 and 3 floats
        Values at the start, -9..9; one can edit them.
    number : int
        2, 3, ... for further ones on the same page.

    Raises
    ------
    ValueError
        If there are not as many values or one is out of range.
    """
    given = {"signal": signal, "weights": weights, "targets": targets}
    for (name, values), count in zip(given.items(), (4, 2, 3), strict=True):
        if len(values) != count or not all(-9 <= float(value) <= 9 for value in values):
            raise ValueError(f"{name} is {values}: give {count} numbers from -9 to 9")
    settings = {name: [float(value) for value in values] for name, values in given.items()}
    text = (
        "Back-propagation through shared weights: two weights are used at three places each; "
        "step by step their gradients add up."
    )
    return _explorer(
        "shared-weight", "A shared weight gathers its gradient", text, settings, number
    )
