"""Training: one loop for every network of the course, with guards, checkpoints and a history.

`fit` trains, `evaluate` scores, `initial_loss` and `overfit_batch` are the ladder to climb before,
`set_seed` and `device` say with what luck and where. The loop itself is short and meant to be read:
`utils/training/loop.py`.
"""

from utils.training.checkpoint import CheckpointError
from utils.training.evaluation import Evaluation, accuracy, evaluate
from utils.training.fitting import fit
from utils.training.guards import GuardError
from utils.training.history import History
from utils.training.ladder import InitialLoss, initial_loss, overfit_batch
from utils.training.machine import device, set_seed
from utils.training.rescue import NonFiniteLossError, TrainingOutOfMemoryError, TrainingWarning

__all__ = [
    "CheckpointError",
    "Evaluation",
    "GuardError",
    "History",
    "InitialLoss",
    "NonFiniteLossError",
    "TrainingOutOfMemoryError",
    "TrainingWarning",
    "accuracy",
    "device",
    "evaluate",
    "fit",
    "initial_loss",
    "overfit_batch",
    "set_seed",
]
