"""``course bench``: run the benchmarks of ``tests/benchmarks``, and show what came out.

Each benchmark is a process of its own with its threads fixed. Its result is kept in
``build/benchmarks/results.json``, where a later run of the same one replaces it;
``build/benchmarks/index.html`` shows all of them, with the stored ones of
``tests/benchmarks/results.json`` for what this machine has not run.
"""

import argparse
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import utils
from utils.course import CourseError
from utils.course.files import locked, read_json, write_atomically, write_json
from utils.course.notebooks import show

NAMES = ("lenet", "epochs", "cifar", "convolution", "course", "cluster", "startup")
"""The benchmarks, in the order of the report."""

QUIET = ("cifar", "course", "cluster")
"""Those whose figures are seconds on the clock: they mean something on an idle machine."""

NEEDS = {"cluster": "distributed"}
"""Package of the extra of its name without which a benchmark cannot run."""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``bench``."""
    parser = subparsers.add_parser(
        "bench",
        help="compare the course's speed with what people use today",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Compare A with B, interleaved in one run with the threads fixed, and write a\n"
        "report. All of it takes most of an hour; cifar, course and cluster want an idle machine.",
        epilog="benchmarks: " + ", ".join(NAMES),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all if none is given")
    parser.add_argument("--quick", action="store_true", help="a try-out in seconds, proves nothing")
    parser.add_argument("--threads", type=int, metavar="N", help="other than each one's own")
    parser.add_argument("--only", nargs="+", metavar="PART", help="parts of one, where it has some")
    parser.add_argument(
        "--store", action="store_true", help="put the results into tests/benchmarks as well"
    )
    parser.add_argument(
        "--report", action="store_true", help="only write the report of what is there"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course bench``; 1 if one failed or a limit does not hold."""
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        raise CourseError(f"no benchmark {unknown[0]!r}: there are {', '.join(NAMES)}")
    if args.threads is not None and args.threads < 1:
        raise CourseError(f"--threads {args.threads}: give a whole number of at least 1")
    if args.quick and args.store:
        raise CourseError("--store keeps what was measured, and --quick measures nothing")
    names = () if args.report else args.names or NAMES
    lacking = {name: lack for name in names if (lack := lacks(name))}
    if args.names and lacking:
        raise CourseError(next(iter(lacking.values())))
    place = folder(args.quick)
    failed = []
    with locked(place):
        for name in names:
            print(f"\n== {name} ==", flush=True)
            if name in lacking:
                print(f"left out: {lacking[name]}")
                continue
            result = measure(name, args.quick, args.threads, args.only)
            if result is None:
                failed.append(name)
                continue
            keep(place / "results.json", result)
            for line in lines(result):
                print(line, flush=True)
        results = collected(args.quick)
        page = write_report(results, place)
    if args.store:
        for result in (read_json(place / "results.json") or {}).values():
            keep(stored_file(), result)
        write_atomically(stored_file().with_name("REPORT.md"), markdown(collected()))
    missed = [name for name, result in results.items() if not holds(result)]
    print(f"\nReport: open {show(page)} in a browser.")
    if missed:
        print(f"Missed: {', '.join(missed)}; see the report.")
    if failed:
        print(f"Failed: {', '.join(failed)}; see above.", file=sys.stderr)
    return 1 if failed or missed else 0


def lacks(name: str) -> str | None:
    """Return what a benchmark lacks on this machine and how to get it, None if it can run."""
    package = NEEDS.get(name)
    if package is None or importlib.util.find_spec(package):
        return None
    return (
        f"the benchmark {name} needs {package}, of the extra `{name}`: "
        f'pip install -c constraints.txt -e ".[course,{name}]"'
    )


def folder(quick: bool = False) -> Path:
    """Return where results and report go."""
    place = utils.ROOT / "build" / "benchmarks"
    return place / "quick" if quick else place


def stored_file() -> Path:
    """Return the file of results that is part of the repository."""
    return utils.ROOT / "tests" / "benchmarks" / "results.json"


def measure(
    name: str, quick: bool = False, threads: int | None = None, only: Sequence[str] | None = None
) -> dict | None:
    """Run one benchmark in a process of its own and return its result, None if it failed."""
    script = utils.ROOT / "tests" / "benchmarks" / f"bench_{name}.py"
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "result.json"
        command = [sys.executable, str(script), "--output", str(output)]
        command += ["--quick"] if quick else []
        command += ["--threads", str(threads)] if threads else []
        command += ["--only", *only] if only else []
        subprocess.run(command, cwd=utils.ROOT, check=False)
        return read_json(output)


def keep(path: Path, result: dict) -> None:
    """Put a result among the others of a file, in the place of an older one of its name."""
    results = read_json(path) or {}
    results[result["name"]] = result
    write_json(path, {name: results[name] for name in NAMES if name in results})


def collected(quick: bool = False) -> dict[str, dict]:
    """Return the results at hand: this machine's, and stored ones for what it has not run."""
    own = read_json(folder(quick) / "results.json") or {}
    others = {} if quick else stored()
    return {
        name: own[name] | {"stored": False} if name in own else others[name]
        for name in NAMES
        if name in own or name in others
    }


def stored() -> dict[str, dict]:
    """Return the results that are part of the repository; none, if it holds none."""
    results = read_json(stored_file()) or {}
    return {name: results[name] | {"stored": True} for name in NAMES if name in results}


def holds(result: dict) -> bool:
    """Whether every limit of a result holds."""
    return all(item["holds"] is not False for item in result["claims"])


def lines(result: dict) -> list[str]:
    """Return a result as lines for a terminal."""
    shown = [f"{verdict(item):8s} {item['what']}: {figure(item)}" for item in result["claims"]]
    return [*shown, f"         {result['command']}, {result['seconds']:.0f} s"]


def verdict(item: dict) -> str:
    """Return what became of a claim, in a word."""
    if item["holds"] is None:
        return ""
    return "holds" if item["holds"] else "MISSED"


def value(item: dict) -> str:
    """Return a claim's value with its unit."""
    return f"{item['value']:.4g} {item['unit']}".strip()


def spread(item: dict) -> str:
    """Return the smallest and the largest value of a claim's rounds, if it has several."""
    if item["low"] is None:
        return ""
    return f"{item['low']:.4g} to {item['high']:.4g}, n = {item['rounds']}"


def limit(item: dict) -> str:
    """Return the limit of a claim, if it has one."""
    return f"{item['kind']} {item['limit']:g} {item['unit']}".strip() if item["kind"] else ""


def figure(item: dict) -> str:
    """Return a claim's value, its spread and its limit."""
    text = value(item) + (f" ({spread(item)})" if spread(item) else "")
    return text + (f"; {limit(item)}" if limit(item) else "")


# ------------------------------------------------------------------------------ the report


def write_report(results: dict[str, dict], place: Path) -> Path:
    """Write the page with every table and chart, and return it."""
    text = _environment().get_template("report.html.j2").render(**sections(results))
    page = place / "index.html"
    write_atomically(page, text)
    return page


def sections(results: dict[str, dict]) -> dict:
    """Return what a page says of some results: the report's, and the one of the site.

    Parameters
    ----------
    results : dict of str to dict
        As :func:`collected` or :func:`stored` returns them.

    Returns
    -------
    dict
        "overview", a table of every limit, and "parts", for each result its name, title,
        question and body; overview and body are HTML.
    """
    macros = _environment().get_template("parts.html.j2").module
    return {
        "overview": str(macros.overview(list(results.values()))),
        "parts": [
            {key: result[key] for key in ("name", "title", "question")}
            | {"body": str(macros.body(result))}
            for result in results.values()
        ],
    }


def _environment():
    import jinja2
    import markupsafe

    from utils.course.benchmark_charts import draw
    from utils.course.slides import TEMPLATES

    def code(text: str) -> markupsafe.Markup:
        """Text with what stands between backticks as code."""
        return markupsafe.Markup(
            re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text)))
        )

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES / "benchmarks"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "value": value, "spread": spread, "limit": limit, "verdict": verdict,
        "draw": draw, "machine": machine_line,
    }  # fmt: skip
    environment.filters["code"] = code
    return environment


def machine_line(result: dict) -> str:
    """Return what a result was measured on, in one line."""
    about = result["machine"]
    bf16 = "bf16 native" if about["bf16_native"] else "no native bf16"
    return (
        f"{about['processor']}, {about['cores']} cores, {about['memory']}, {bf16}, "
        f"torch {about['torch']}, Python {about['python']}; threads: {result['threads']}; "
        f"others' load before it started: {about['busy']} %"
    )


def markdown(results: dict[str, dict]) -> str:
    """Return claims and tables of results as Markdown."""
    text = ["# Benchmarks", ""]
    text += ["| benchmark | figure | measured | |", "|---|---|---|---|"]
    for result in results.values():
        text += [
            f"| {result['name']} | {item['what']} | {figure(item)} | {verdict(item)} |"
            for item in result["claims"]
        ]
    for result in results.values():
        text += ["", f"## {result['title']}", "", result["question"], ""]
        text += [f"`{result['command']}`: {result['seconds']:.0f} s on {machine_line(result)}."]
        for table in result["tables"]:
            text += ["", f"**{table['title']}**", "", _row(table["header"])]
            text += [_row(["---"] * len(table["header"])), *map(_row, table["rows"])]
        text += ["", *(f"- {note}" for note in result["notes"])]
    return "\n".join(text).rstrip() + "\n"


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"
