"""The ledger of published numbers: every figure a lecture quotes, with its source and its verdict.

The numbers stand in ``data/published.toml``, one place for each. A lecture computes a number and
calls :func:`compare`, which prints one line and fails if the verdict is not the recorded one::

    lenet5.parameters: computed 60,000, published 60,000 (LeCun et al. 1998, sec. II-B): equal

Four verdicts are recorded:

``equal``
    The computed value must be the published one exactly.
``within``
    It must lie no farther from it than the tolerance (rounding in print, as a rule).
``contradicts``
    The published figure is a misprint, or a claim that does not hold. The entry says what comes
    out instead (``right``), and the computed value must be that.
``reported``
    Nobody here can compute it: an error rate after six days of training, a reading on a data set
    we do not have. It may be quoted (:func:`quote`), never asserted.

In a notebook the line is an output of its own, whose metadata hold the computed value;
:func:`read_notebook` collects these for the site's page, and checks them against the line.
"""

from __future__ import annotations

import difflib
import functools
import math
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from utils import ROOT

__all__ = [
    "KEY",
    "Comparison",
    "Entry",
    "LedgerError",
    "UnknownNumber",
    "compare",
    "entries",
    "published",
    "quote",
    "read_notebook",
]

PATH: Path = ROOT / "data" / "published.toml"
KEY = "ledger"
"""Where a comparison stands in the metadata of its output: {"id", "computed", "verdict"}."""

VERDICTS = ("equal", "within", "contradicts", "reported")
STATUSES = {
    "V": "checked against the source",
    "C": "computed here",
    "M": "quoted from memory: as reported, not checked",
}

Value = int | float | list
"""A number, or a list (of lists) of numbers."""


class LedgerError(AssertionError):
    """A computed number and its entry do not agree as recorded, or an entry is malformed."""


class UnknownNumber(KeyError):
    """No entry has this id."""

    def __str__(self) -> str:
        return self.args[0]


@dataclass(frozen=True, repr=False)
class Entry:
    """One published number.

    Attributes
    ----------
    id : str
        Lower case, dotted: ``lenet5.c3.connections``.
    value : int, float or list
        As published.
    unit : str
        What is counted or measured in; percent figures are in "%", not fractions.
    tolerance : float
        Largest absolute difference that verdict "within" (or "contradicts", from `right`) allows.
    verdict : str
        "equal", "within", "contradicts" or "reported".
    source : str
        Authors, year and place: what a reader has to look up.
    citation : str
        The whole reference.
    in_deck : bool
        Whether the lecture slides that the course grew from show the number.
    status : str
        "V" checked against the source, "C" computed here, "M" from memory.
    lectures : tuple of str
        Lectures that may use it, as "06".
    note : str
        What to know about it.
    right : int, float, list or None
        For "contradicts": what the computation gives instead.
    decimals : int
        Decimals with which the published value is printed.
    """

    id: str
    value: Value
    unit: str
    tolerance: float
    verdict: str
    source: str
    citation: str
    in_deck: bool
    status: str
    lectures: tuple[str, ...]
    note: str
    right: Value | None
    decimals: int
    computed_decimals: int

    @property
    def text(self) -> str:
        """The published value as text, with its unit."""
        return _text(self.value, self.decimals) + _unit(self)

    def __str__(self) -> str:
        return f"{self.id}: {self.text} ({self.source})"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Comparison:
    """A computed number beside its entry.

    Attributes
    ----------
    entry : Entry
    computed : int, float or list
        Rounded to the decimals that the entry calls for.
    verdict : str
        "equal", "within" or "contradicts".
    lecture : str
        Two digits, where known.
    """

    entry: Entry
    computed: Value
    verdict: str
    lecture: str = ""

    @property
    def id(self) -> str:
        """The entry's id."""
        return self.entry.id

    @property
    def line(self) -> str:
        """The line that :func:`compare` prints."""
        entry = self.entry
        word = "expected" if entry.status == "C" else "published"
        verdict = self.verdict
        if verdict == "within":
            verdict += f" {entry.tolerance:g}"
        return (
            f"{entry.id}: computed {_text(self.computed, entry.computed_decimals)}, "
            f"{word} {entry.text} ({entry.source}): {verdict}"
        )

    def __repr__(self) -> str:
        return self.line

    def _ipython_display_(self) -> None:
        """Show nothing: a cell that ends with ``compare(...)`` has shown its line already."""


# --- reading the file ---------------------------------------------------------------------------


def entries() -> tuple[Entry, ...]:
    """All entries, in the order of the file.

    Raises
    ------
    LedgerError
        If ``data/published.toml`` is malformed; the message names the entry.
    """
    return tuple(_ledger().values())


def published(id: str) -> Entry:
    """Entry of a published number.

    Parameters
    ----------
    id : str

    Returns
    -------
    Entry

    Raises
    ------
    UnknownNumber
        If there is none; the message names the nearest ids.
    """
    ledger = _ledger()
    try:
        return ledger[id]
    except (KeyError, TypeError):
        pass
    near = difflib.get_close_matches(str(id), ledger, n=3, cutoff=0.5)
    near = near or [other for other in ledger if other.startswith(str(id).split(".")[0] + ".")][:3]
    hint = f"; nearest: {', '.join(near)}" if near else ""
    raise UnknownNumber(f"no number {id!r} in data/{PATH.name}{hint}")


@functools.cache
def _ledger() -> Mapping[str, Entry]:
    with PATH.open("rb") as file:
        return parse(tomllib.load(file, parse_float=Decimal))


_SHARED_KEYS = {"where", "status", "verdict", "lectures", "in_deck", "unit", "tolerance", "note"}
_GROUP_KEYS = _SHARED_KEYS | {"source", "numbers"}
_NUMBER_KEYS = _SHARED_KEYS | {"id", "value", "right"}


def parse(document: Mapping[str, Any]) -> dict[str, Entry]:
    """Entries of a ledger document (floats read as ``decimal.Decimal``, to keep their decimals).

    The document has a table ``sources`` (short, full) and an array ``group``; what a group says
    holds for its ``numbers`` unless they say otherwise.

    Raises
    ------
    LedgerError
        Naming the entry and what is wrong with it.
    """
    sources = document["sources"]
    ledger: dict[str, Entry] = {}
    for group in document["group"]:
        _only(group, _GROUP_KEYS, f"a group of {group.get('source')}")
        if group.get("source") not in sources:
            raise LedgerError(f"source {group.get('source')!r} does not stand under [sources]")
        source = sources[group["source"]]
        for number in group["numbers"]:
            _only(number, _NUMBER_KEYS, number.get("id", "a number without id"))
            entry = _entry(source, group | number)
            if entry.id in ledger:
                raise LedgerError(f"{entry.id} is entered twice")
            ledger[entry.id] = entry
    return ledger


def _only(table: Mapping, allowed: set[str], what: str) -> None:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise LedgerError(f"{what}: unknown {', '.join(unknown)}; allowed: {sorted(allowed)}")


def _entry(source: Mapping[str, str], fields: Mapping[str, Any]) -> Entry:
    id = fields.get("id", "")
    value, right = fields.get("value"), fields.get("right")
    tolerance = fields.get("tolerance", 0)
    where = fields.get("where", "")
    decimals = _decimals(value)
    entry = Entry(
        id=id,
        value=_plain(value),
        unit=fields.get("unit", ""),
        tolerance=float(tolerance),
        verdict=fields.get("verdict", ""),
        source=source["short"] + (f", {where}" if where else ""),
        citation=source["full"],
        in_deck=fields.get("in_deck", False),
        status=fields.get("status", ""),
        lectures=tuple(fields.get("lectures", ())),
        note=fields.get("note", ""),
        right=None if right is None else _plain(right),
        decimals=decimals,
        computed_decimals=max(decimals, _decimals(tolerance), _decimals(right)),
    )
    wrong = None
    if not id or any(not part or part != part.lower() for part in id.split(".")):
        wrong = "the id must be lower-case parts with dots between"
    elif entry.verdict not in VERDICTS:
        wrong = f"verdict {entry.verdict!r} is none of {', '.join(VERDICTS)}"
    elif entry.status not in STATUSES:
        wrong = f"status {entry.status!r} is none of {', '.join(STATUSES)}"
    elif entry.status == "M" and entry.verdict != "reported":
        wrong = "what stands here from memory (status M) is reported, never asserted"
    elif (entry.verdict == "contradicts") != (entry.right is not None):
        wrong = "`right` belongs to verdict contradicts, and the other way round"
    elif entry.verdict == "contradicts" and not entry.note:
        wrong = "a contradicted number needs a note that says what is wrong with it"
    elif entry.verdict == "contradicts" and _distance(entry.value, entry.right) <= tolerance:
        wrong = "`right` does not differ from the published value"
    elif entry.verdict == "within" and not tolerance > 0:
        wrong = "verdict within needs a tolerance above 0"
    elif entry.verdict in ("equal", "reported") and tolerance:
        wrong = f"verdict {entry.verdict} has no tolerance"
    elif not entry.unit:
        wrong = "the unit is missing"
    if wrong:
        raise LedgerError(f"{id or fields}: {wrong}")
    return entry


# --- comparing ----------------------------------------------------------------------------------


def compare(id: str, computed: Any, *, out: Callable[[str], Any] = print) -> Comparison:
    """Compare a computed number with the published one and print the verdict in one line.

    Parameters
    ----------
    id : str
    computed : int, float, or array-like of them
        NumPy and torch scalars and arrays are welcome; for a series, as many as published.
    out : callable
        Takes the line. By default it is printed; in a notebook the line is an output of its own,
        which also holds the computed value for the site's ledger page.

    Returns
    -------
    Comparison

    Raises
    ------
    UnknownNumber
        If the ledger has no such number.
    LedgerError
        If the verdict is not the recorded one. The line is not printed then.
    TypeError
        If `computed` is no number.
    """
    entry = published(id)
    value = _plain(computed)
    if entry.verdict == "reported":
        raise LedgerError(
            f"{id} is reported, not computable here: show it with ledger.quote({id!r}, measured) "
            "instead of comparing it"
        )
    comparison = Comparison(entry, _rounded(value, entry.computed_decimals), _verdict(entry, value))
    if comparison.verdict != entry.verdict:
        expected = entry.value if entry.right is None else entry.right
        raise LedgerError(
            f"{id}: computed {value}, published {entry.text} ({entry.source}): "
            f"{comparison.verdict}, but the ledger records '{entry.verdict}': expected "
            f"{_text(expected, entry.computed_decimals)}"
            + (f" within {entry.tolerance:g}" if entry.tolerance else "")
        )
    _say(comparison, out)
    return comparison


def quote(id: str, measured: Any = None, *, out: Callable[[str], Any] = print) -> None:
    """Print a published number with its source, and beside it what was measured here, if anything.

    Nothing is asserted: this is for numbers whose conditions cannot be repeated.

    Parameters
    ----------
    id : str
    measured : int, float, or array-like of them, optional
    out : callable
        Takes the line.

    Raises
    ------
    UnknownNumber
        If the ledger has no such number.
    TypeError
        If `measured` is no number.
    """
    entry = published(id)
    here = ""
    if measured is not None:
        here = f"; here {_text(_plain(measured), entry.computed_decimals)}{_unit(entry)}"
    out(f"{entry.id}: reported {entry.text} ({entry.source}){here}")


def read_notebook(notebook: Any) -> list[Comparison]:
    """Comparisons that an executed notebook holds in its outputs.

    Parameters
    ----------
    notebook : path or mapping
        An .ipynb file, or its content (an nbformat node or a plain dictionary).

    Returns
    -------
    list of Comparison
        In the order of the cells, with the lecture from the notebook's metadata.

    Raises
    ------
    UnknownNumber
        If the notebook compares a number that the ledger no longer has: refresh it.
    LedgerError
        If the line shown is not the one that the ledger and the computed value make today.
    """
    if not isinstance(notebook, Mapping):
        import json

        notebook = json.loads(Path(notebook).read_text(encoding="utf-8"))
    lecture = notebook.get("metadata", {}).get("course", {}).get("lecture", "")
    found = []
    for cell in notebook.get("cells", ()):
        for output in cell.get("outputs", ()):
            record = output.get("metadata", {}).get(KEY)
            if record is None:
                continue
            entry = published(record["id"])
            comparison = Comparison(entry, record["computed"], record["verdict"], lecture)
            shown = "".join(output.get("data", {}).get("text/plain", ""))
            if shown != comparison.line:
                raise LedgerError(
                    f"the notebook shows {shown!r}, the ledger makes {comparison.line!r}: refresh "
                    "the lecture"
                )
            found.append(comparison)
    return found


def _say(comparison: Comparison, out: Callable[[str], Any]) -> None:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if out is not print or shell is None:
        out(comparison.line)
        return
    record = {
        "id": comparison.id,
        "computed": comparison.computed,
        "verdict": comparison.verdict,
    }
    shell.display_pub.publish({"text/plain": comparison.line}, metadata={KEY: record})


def _verdict(entry: Entry, value: Value) -> str:
    if _distance(value, entry.value) == 0:
        return "within" if entry.verdict == "within" else "equal"
    # Decimal borders such as 0.005 are not binary numbers: allow for their rounding.
    slack = entry.tolerance * (1 + 1e-9)
    if entry.verdict == "within" and _distance(value, entry.value) <= slack:
        return "within"
    if entry.verdict == "contradicts" and _distance(value, entry.right) <= slack:
        return "contradicts"
    return "different"


def _distance(one: Value, other: Value) -> float:
    """Largest absolute difference; infinite for different shapes or anything not a number."""
    if isinstance(one, list) != isinstance(other, list):
        return math.inf
    if isinstance(one, list):
        if len(one) != len(other):
            return math.inf
        return max((_distance(a, b) for a, b in zip(one, other, strict=True)), default=0)
    difference = abs(one - other)
    return math.inf if math.isnan(difference) else difference


def _plain(value: Any) -> Value:
    """Python numbers from Decimals, NumPy and torch scalars and arrays, tuples and lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    if hasattr(value, "tolist"):
        value = value.tolist()
        if isinstance(value, list):
            return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r} is no number: give an int, a float or an array of them")
    return value


def _decimals(value: Any) -> int:
    if isinstance(value, list):
        return max(map(_decimals, value), default=0)
    if isinstance(value, Decimal):
        return max(0, -value.as_tuple().exponent)
    return 0


def _rounded(value: Value, decimals: int) -> Value:
    if isinstance(value, list):
        return [_rounded(item, decimals) for item in value]
    if isinstance(value, float) and math.isfinite(value):
        value = round(value, decimals)
        return int(value) if decimals == 0 else value + 0.0  # no negative zero
    return value


def _text(value: Value, decimals: int) -> str:
    if isinstance(value, list):
        shown = value if len(value) <= 16 else [*value[:8], "...", *value[-3:]]
        return "[" + ", ".join(v if v == "..." else _text(v, decimals) for v in shown) + "]"
    if isinstance(value, int) or decimals == 0:
        return f"{value:,.0f}" if isinstance(value, float) else f"{value:,}"
    return f"{value:,.{decimals}f}"


def _unit(entry: Entry) -> str:
    """The unit, where the id does not say it already."""
    return "" if entry.unit.lower() in entry.id.replace("_", " ") else f" {entry.unit}"
