"""``course all`` (= ``make course``): execute every lecture, build slides and site, say where."""

import argparse

import utils
from utils.course import main, notebooks
from utils.course.run import add_options, execute


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the subcommand ``all``."""
    parser = subparsers.add_parser(
        "all",
        help="execute every lecture, then build slides and site",
        description="Execute every lecture, build its slides and the site, and say where to look. "
        "What is up to date is left alone.",
    )
    add_options(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out ``course all``; a failing step does not keep the next from running."""
    steps = {
        "lectures": execute(
            notebooks.find(),
            processes=args.jobs,
            scheduler=args.scheduler,
            send_files=args.send_files,
            force=args.force,
        )
    }
    for step in ("slides", "site"):
        print(f"\n== {step} ==", flush=True)
        steps[step] = main([step])
    build = utils.ROOT / "build"
    print("\nLook here:")
    for what, path in (
        ("web site", build / "site" / "index.html"),
        ("slides", build / "slides" / "index.html"),
        ("executed notebooks", build / "lectures"),
    ):
        if path.exists():
            print(f"  {what:20s} {path}")
    failed = [step for step, status in steps.items() if status]
    if failed:
        print(f"\nFailed: {', '.join(failed)}; see above.")
    return 1 if failed else 0
