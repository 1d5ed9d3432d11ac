"""The shared package of the course: what the lectures need but do not teach.

Floors (a module imports only from lower floors or its own):

4. ``course`` - the command ``course``, with its templates
3. ``exercises``, ``plots``, ``diagrams``, ``explorers``
2. ``training``, ``ordinal``, ``detection``, ``segmentation``, ``deconvnet``, ``recipes``, ...
1. ``models``, ``datasets``
0. ``arithmetic``, ``convolution``, ``ledger``, ``fetch``
"""

from pathlib import Path

ROOT: Path = Path(__file__).resolve().parent.parent
"""Root of the repository, which holds ``lectures``, ``solutions``, ``data`` and ``utils``."""

if not (ROOT / "data" / "manifest.toml").is_file():
    raise ImportError(
        f"this `utils` ({ROOT / 'utils'}) does not lie in a clone of the course: "
        "clone the repository and install it there with `pip install -c constraints.txt "
        '-e ".[course]"`'
    )
