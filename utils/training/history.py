"""What `fit` hands back: the course of a training, as lists to plot and a table to print."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields


@dataclass(repr=False)
class History:
    """Course of one training.

    Lists with one entry per finished epoch: `train_loss` and `train_metric` (means over the epoch
    while the weights were changing, on the training data as the network saw them, augmented and
    with dropout), `validation_loss`, `validation_metric` (empty without validation data), `lr`
    (rate of the epoch's last step) and `seconds`. Lists with one entry per step: `step_loss`,
    `step_lr`.

    Attributes
    ----------
    metric : str or None
        Name of the metric, such as "accuracy".
    null : float or None
        The metric of the null model: what can be had without looking at an image.
    lower_is_better : bool
        Whether smaller values of the metric are better.
    interrupted : bool
        Whether Ctrl-C ended the training before its time; the model then holds the weights of the
        last whole step.
    """

    metric: str | None = None
    lower_is_better: bool = False
    null: float | None = None
    interrupted: bool = False
    train_loss: list[float] = field(default_factory=list)
    train_metric: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    step_loss: list[float] = field(default_factory=list)
    step_lr: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of finished epochs."""
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int | None:
        """Epoch (counted from 1) with the best validation score, None without validation data.

        The score is the validation metric, or the validation loss where there is no metric; of
        equal ones the first, and NaN only where there is nothing else.
        """
        scores = self.validation_metric or self.validation_loss
        if not scores:
            return None
        numbers = [score for score in scores if not math.isnan(score)] or scores
        lower_is_better = self.lower_is_better or not self.validation_metric
        return scores.index(min(numbers) if lower_is_better else max(numbers)) + 1

    def as_dict(self) -> dict:
        """All fields as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> History:
        """The history whose `as_dict` gave `values`."""
        return cls(**{entry.name: values[entry.name] for entry in fields(cls)})

    def __repr__(self) -> str:
        names = ["train_loss"]
        if self.train_metric:
            names.append("train_metric")
        names += [name for name in ("validation_loss", "validation_metric") if getattr(self, name)]
        titles = [name.replace("_", " ").replace("metric", self.metric or "") for name in names]
        lines = ["epoch  " + "  ".join(titles) + "      rate"]
        for row in range(len(self)):
            cells = [
                f"{getattr(self, name)[row]:{len(title)}.4f}"
                for name, title in zip(names, titles, strict=True)
            ]
            lines.append(f"{row + 1:5d}  " + "  ".join(cells) + f"  {self.lr[row]:8.2e}")
        if self.null is not None:
            lines.append(f"null model: {self.metric} {self.null:.4f}")
        if self.best_epoch is not None and len(self) > 1:
            lines.append(f"best epoch by the validation data: {self.best_epoch}")
        if self.interrupted:
            lines.append(f"interrupted after {len(self.step_loss)} steps")
        return "\n".join(lines)
