"""All explorers of the course, for the gallery of its site."""

from utils import explorers
from utils.explorers import Explorer

GALLERY: dict[str, tuple[str, str]] = {
    "convolution_arithmetic": ("02", "Five sliders decide how large a feature map is."),
    "sliding_window": ("02", "A detector visits a digit and writes down what it finds."),
    "kernel_editor": ("02", "Change the nine numbers of a kernel and look at the photo."),
    "receptive_field": ("02", "Stack layers and see how much of the input one unit sees."),
    "parameter_builder": ("03", "Build a network; parameters and operations are counted."),
    "shared_weight": ("04", "Two weights, used three times: their gradients add up."),
    "pooling": ("05", "Move a pattern under a pooling layer and count what changes."),
    "coral_thresholds": ("11", "One score, five thresholds, and ranks that stay consistent."),
    "overlap": ("13", "Drag boxes; see their overlaps and which one survives."),
    "region_pooling": ("14", "Move a region by a tenth of a cell: who notices?"),
}
"""Maker -> the lecture that uses it, and what one can do there."""


def gallery() -> dict[str, tuple[str, str, Explorer]]:
    """Return for each explorer its lecture, its sentence and itself at its first setting."""
    return {
        name: (lecture, words, getattr(explorers, name)())
        for name, (lecture, words) in GALLERY.items()
    }
