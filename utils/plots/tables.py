"""Tables that a notebook shows, and that read as text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np


class Html:
    """HTML that a notebook shows, the same on every run; ``print`` gives its plain text.

    Parameters
    ----------
    markup : str
        The HTML, shown as it is.
    text : str
        The same in words, for terminals and for readers of the stored notebook.
    """

    def __init__(self, markup: str, text: str) -> None:
        self.markup = markup
        self.text = text

    def _repr_html_(self) -> str:
        return self.markup

    def __repr__(self) -> str:
        return self.text


def html_table(
    rows: Iterable[Sequence[Any]],
    header: Sequence[str],
    caption: str,
    *,
    row_headers: bool = True,
) -> Html:
    """A table that screen readers can walk: caption, column headers and row headers.

    Parameters
    ----------
    rows : iterable of sequences
        Cells; integers are written with thousands separators, floats with up to six significant
        digits, numbers are set flush right.  Format floats yourself where the digits matter.
    header : sequence of str
        Names of the columns.
    caption : str
        What the table shows, in a sentence.
    row_headers : bool
        Whether the first cell names its row.

    Raises
    ------
    ValueError
        If a row is not as long as the header.
    """
    rows = [list(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"a row of {len(row)} cells under {len(header)} column names: give as many: {row}"
            )
    cells = [[_cell_text(value) for value in row] for row in rows]
    right = [
        all(_is_number(row[column]) for row in rows) and bool(rows) for column in range(len(header))
    ]

    def element(tag: str, text: str, column: int, extra: str = "") -> str:
        side = "right" if right[column] else "left"
        style = f"text-align:{side};padding:.25em .8em;background:transparent;color:inherit"
        return f'<{tag}{extra} style="{style}">{html.escape(text)}</{tag}>'

    lines = [
        '<table class="course-table" style="border-collapse:collapse;font-variant-numeric:'
        'tabular-nums;margin:.5em 0">',
        '<caption style="caption-side:top;text-align:left;padding:.3em .8em;font-weight:600;'
        f'color:inherit">{html.escape(caption)}</caption>',
        '<thead><tr style="border-bottom:2px solid currentColor;background:transparent">',
        *(element("th", name, n, ' scope="col"') for n, name in enumerate(header)),
        "</tr></thead><tbody>",
    ]
    for row in cells:
        lines.append('<tr style="border-bottom:1px solid #8886;background:transparent">')
        for number, text in enumerate(row):
            if number == 0 and row_headers:
                lines.append(element("th", text, number, ' scope="row"'))
            else:
                lines.append(element("td", text, number))
        lines.append("</tr>")
    lines.append("</tbody></table>")
    return Html("\n".join(lines), _plain_table(cells, list(header), caption, right))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _cell_text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    if isinstance(value, float | np.floating):
        return f"{float(value):,.6g}"
    return str(value)


def _plain_table(cells: list[list[str]], header: list[str], caption: str, right: list[bool]) -> str:
    widths = [max(len(row[n]) for row in [header, *cells]) for n in range(len(header))]

    def line(row: list[str]) -> str:
        parts = [
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(row, widths, right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join([caption, line(header), "  ".join("-" * w for w in widths), *map(line, cells)])
