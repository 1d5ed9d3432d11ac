"""Drawings of networks and of what convolution does, made from the modules and numbers themselves.

Nothing here is a pasted picture: `network` reads every size off the module it is given, so a
drawing cannot disagree with the code beside it.  All functions return a figure as those of
`utils.plots` do.
"""

from importlib import import_module

_HOMES = {
    "computation_graph": "graphs",
    "connection_table": "graphs",
    "detector_on_image": "convolution",
    "network": "networks",
    "network_maps": "networks",
    "toeplitz": "convolution",
}
"""Public name -> module of this package that defines it."""

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    """Import a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"utils.diagrams has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
