"""Figures every lecture wants, in one style.

``use_style()`` in a lecture's first code cell sets fonts, sizes and colours that can be read from
the last row, and makes every figure leave a line like ``<Figure "A finding": 2 axes, data 3fa1c2>``
beside its picture.  The six digits are `figure_checksum`: a re-executed notebook whose plotted
numbers differ has another line, although nobody compares PNG files.

The functions return a `matplotlib.figure.Figure` that pyplot does not manage: as the last
expression of a cell it is shown, once.  A ``title`` is a sentence that says the finding.
"""

from importlib import import_module

_HOMES = {
    "CMAP": "style",
    "DIVERGING": "style",
    "DPI": "style",
    "GREY": "style",
    "Html": "tables",
    "INK": "style",
    "PALETTE": "style",
    "QUIET": "style",
    "WIDTH": "style",
    "as_array": "style",
    "as_picture": "style",
    "bars": "charts",
    "confusion_matrix": "charts",
    "curves": "lines",
    "dark": "style",
    "describe": "checksums",
    "draw_curves": "lines",
    "feature_maps": "pictures",
    "figure_checksum": "checksums",
    "fingerprint": "checksums",
    "html_table": "tables",
    "image_grid": "pictures",
    "kernels": "pictures",
    "label_ends": "lines",
    "learning_curves": "lines",
    "number_grids": "pictures",
    "probability_bars": "charts",
    "subplots": "style",
    "use_style": "style",
}
"""Public name -> module of this package that defines it."""

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Import a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"utils.plots has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
