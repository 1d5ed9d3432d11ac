"""``course data``: list, fetch and verify the data sets of ``data/manifest.toml``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from utils import fetch


def add_parser(subparsers) -> argparse.ArgumentParser:
    """Add the parser of ``course data`` and return it."""
    parser = subparsers.add_parser("data", help="list, fetch or verify the data sets")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what there is, and where it stands on this machine")
    for action, summary in (
        ("fetch", "bring optional sets into the cache; without names those the lectures use"),
        ("verify", "compare files with the manifest's SHA-256; without names all files"),
    ):
        chosen = actions.add_parser(action, help=summary, description=summary)
        chosen.add_argument("names", nargs="*", metavar="NAME", help="a data set of the list")
        if action == "fetch":
            chosen.add_argument(
                "--best-effort",
                action="store_true",
                help="exit 0 also if a set is not to be had; the lectures run without",
            )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course data`` and return its exit status.

    Returns
    -------
    int
        0 if all is well; 1 if a set could not be fetched, or a file is missing, damaged or unknown.
    """
    try:
        if args.action == "list":
            return list_sets()
        if args.action == "fetch":
            return fetch_sets(args.names, best_effort=args.best_effort)
        return verify_sets(args.names)
    except fetch.DataError as error:
        _complain(error)
        return 1


def list_sets() -> int:
    """Print a table of all data sets: state, size, licence; return 0."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    table.add_column("set", no_wrap=True)
    table.add_column("what it is, and its licence")
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("on this machine")
    for name, entry in fetch.manifest().items():
        size = f"{entry['bytes'] / 1e6:,.1f}" if entry["bytes"] else ""
        what = f"{entry['title']}; {entry['licence']}"
        table.add_row(name, what, size, fetch.state(name))
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(f"cache: {fetch.cache_folder()} (COURSE_DATA sets another)", soft_wrap=True)
    return 0


def fetch_sets(names: Sequence[str] = (), best_effort: bool = False) -> int:
    """Fetch data sets into the cache, one after the other, and say how each went.

    Parameters
    ----------
    names : sequence of str
        Sets of the manifest; empty: those it marks ``default``, which lectures use if they are
        there.
    best_effort : bool
        Count a set that cannot be had as no failure: the lectures run without it.

    Returns
    -------
    int
        Exit status: 1 if a set could not be fetched and `best_effort` is off.

    Raises
    ------
    utils.fetch.DataError
        If a name is unknown; nothing is fetched then.
    """
    chosen = list(names) or [name for name, t in fetch.manifest().items() if t.get("default")]
    for name in chosen:
        fetch.describe(name)
    failed = 0
    for name in chosen:
        try:
            files = fetch.fetch(name, report=print)
        except fetch.DataError as error:
            failed += 1
            _complain(error)
        else:
            size = sum(file.stat().st_size for file in files) / 1e6
            count = f"{len(files)} file" + ("s" if len(files) != 1 else "")
            licence = fetch.describe(name)["licence"]
            print(f"{name}: {count}, {size:,.1f} MB, verified ({licence})")
    if failed and best_effort:
        print(f"{failed} of {len(chosen)} optional sets not fetched: the lectures run without")
    return 1 if failed and not best_effort else 0


def verify_sets(names: Sequence[str] = ()) -> int:
    """Hash every file that lies on this machine and print what does not agree.

    Parameters
    ----------
    names : sequence of str
        Sets of the manifest; all of them if empty.

    Returns
    -------
    int
        Exit status: 1 if a committed file is missing or any file is damaged.

    Raises
    ------
    utils.fetch.DataError
        If a name is unknown; nothing is verified then.
    """
    chosen = list(names) or list(fetch.manifest())
    for name in chosen:
        fetch.describe(name)
    wrong = 0
    for name in chosen:
        states = fetch.verify(name)
        good = sum(state == "verified" for state in states.values())
        for state in states.values():
            if state not in ("verified", "not fetched"):
                wrong += 1
                _complain(state)
        if good:
            print(f"{name}: {good} of {len(states)} files here and verified")
        elif names and set(states.values()) <= {"not fetched"}:
            print(f"{name}: {fetch.state(name)}")
    return 1 if wrong else 0


def _complain(sentence) -> None:
    print(f"course data: {sentence}", file=sys.stderr)
