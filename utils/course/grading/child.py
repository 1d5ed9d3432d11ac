"""The process in which a submission runs: executes its cells, then answers questions about it.

Started as ``python -I -m utils.course.grading.child READ WRITE`` by `sandbox`, which has set the
limits before. It is not trusted: whatever it says is only an answer to be judged.
"""

import contextlib
import os
import sys
import traceback
from typing import Any

HIDDEN = ("solutions", "tests")
"""Folders of the course that a submission has no business in."""

STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
"""Events by which Python tells that a process is to be started."""


def watch(report: list[str], forbidden: list[str]) -> None:
    """Refuse to open what lies in a forbidden folder, and to start programs; note the attempt."""

    def note(sentence: str) -> None:
        if sentence not in report and len(report) < 20:
            report.append(sentence)

    roots = [os.path.realpath(folder) + os.sep for folder in forbidden]
    standard = os.path.dirname(os.__file__) + os.sep

    def by_submission() -> bool:
        """Whether the submission's own code asks, and not a library it imports."""
        frame = sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            own = not name.startswith((standard, "<frozen")) or "site-packages" in name
            if own and name != __file__:
                return "site-packages" not in name or f"{os.sep}IPython{os.sep}" in name
            frame = frame.f_back
        return False

    def hook(event: str, arguments: tuple) -> None:
        if event in ("open", "os.listdir", "os.scandir") and arguments:
            path = arguments[0]
            if isinstance(path, str | bytes | os.PathLike):
                place = os.path.realpath(os.fsdecode(path))
                if any((place + os.sep).startswith(root) for root in roots):
                    note(f"tried to read {os.path.basename(place) or place}")
                    raise PermissionError(f"{place} is not for submissions")
        elif event in STARTS:
            if not by_submission():
                return
            note(f"tried to start a process ({event})")
            raise PermissionError("submissions start no programs")
        elif event in ("socket.connect", "socket.bind"):
            if not by_submission():
                return
            note("tried to use the network")
            raise PermissionError("submissions use no network")

    sys.addaudithook(hook)


def execute(cells: list[dict], namespace: dict) -> list[dict]:
    """Run code cells one after the other; return what failed, as index and message."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance(user_ns=namespace)
    failed = []
    for cell in cells:
        result = shell.run_cell(cell["source"], store_history=False, silent=False)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            words = traceback.format_exception_only(type(error), error)
            failed.append({"cell": cell["index"], "error": "".join(words).strip()[:500]})
    return failed


class Server:
    """Answers questions: what is this expression, what does this function return."""

    def __init__(self, namespace: dict) -> None:
        self.namespace = namespace
        self.kept: dict[int, Any] = {}

    def handle(self, value: Any) -> dict:
        """Keep a value here and describe it."""
        from utils.exercises import _guard

        number = len(self.kept)
        self.kept[number] = value
        kind = "object"
        if _guard.is_module(value):
            return {"$": "module", "v": number, **self.anatomy(value)}
        if isinstance(value, type):
            kind = "class"
        elif callable(value):
            kind = "function"
        name = getattr(value, "__name__", type(value).__name__)
        return {
            "$": kind,
            "v": number,
            "name": name if isinstance(name, str) else "",
            "stub": kind in ("class", "function") and _guard.is_unattempted(value),
        }

    def anatomy(self, module: Any) -> dict:
        """Parts, parameters and buffers of a network, as the judge may see them."""
        from utils.course.grading import wire

        keep = lambda value: {"$": "ellipsis"}
        return {
            "training": bool(module.training),
            "parts": [[name, type(part).__name__] for name, part in module.named_modules()],
            "parameters": [
                [name, wire.encode(value, keep)]
                for name, value in module.named_parameters(remove_duplicate=True)
            ],
            "buffers": [[name, wire.encode(value, keep)] for name, value in module.named_buffers()],
        }

    def value(self, message: dict) -> Any:
        """A value that lives here, or a network of the judge's."""
        import base64
        import pickle

        if message.get("$") == "pickle":  # from the judge, who is trusted
            return pickle.loads(base64.b64decode(message["v"]))
        if message.get("$") in ("class", "function", "object"):
            return self.kept[message["v"]]
        module = self.kept[message["v"]]
        if "state" in message:
            from utils.course.grading import wire

            module.load_state_dict(wire.decode(message["state"], self.value), strict=False)
        if "training" in message:
            module.train(message["training"])
        return module

    def answer(self, request: dict) -> dict:
        """Answer one request of the judge."""
        from utils.course.grading import wire
        from utils.exercises import _guard

        try:
            if request["do"] == "evaluate":
                value = eval(request["expression"], self.namespace)
                return {"value": wire.encode(value, self.handle)}
            function = self.value(request["function"])
            args, kwargs = wire.decode(request["arguments"], self.value)
            models = {k: v for k, v in enumerate([*args, *kwargs.values()]) if _guard.is_module(v)}
            import random

            import numpy as np

            random.seed(0)
            np.random.seed(0)  # noqa: NPY002 (what a student's own code draws from)
            if "torch" in sys.modules:
                sys.modules["torch"].manual_seed(0)
            gradients = contextlib.nullcontext()
            if request.get("no_grad"):
                gradients = sys.modules["torch"].no_grad()

            def run() -> Any:
                with gradients:
                    return function(*args, **kwargs)

            result = _guard.run_limited(run, request["seconds"])
            changed = {str(k): self.anatomy(model) for k, model in models.items()}
            return {
                "value": wire.encode(result, self.handle),
                "arguments": wire.encode([args, kwargs], lambda value: {"$": "same"}),
                "models": changed,
            }
        except _guard.TimeUp:
            return {"late": True}
        except RecursionError:
            return {"error": ["RecursionError", "maximum recursion depth exceeded"]}
        except BaseException as error:
            message = str(error).strip()
            return {"error": [type(error).__name__, message[:2000]]}


def main() -> None:
    """Serve until the pipe is closed."""
    from utils.course.grading import wire

    channel = wire.Channel(int(sys.argv[1]), int(sys.argv[2]))
    order = channel.receive()
    incidents: list[str] = []
    namespace: dict = {"__name__": "__main__"}
    sys.modules["__main__"].__dict__.update(namespace)
    with open(os.devnull, "w") as nowhere, contextlib.suppress(BrokenPipeError):
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        watch(incidents, order["forbidden"])
        failed = execute(order["cells"], namespace)
        channel.send({"failed": failed, "incidents": incidents})
        server = Server(namespace)
        while True:
            request = channel.receive()
            reply = server.answer(request)
            reply["incidents"] = list(incidents)
            channel.send(reply)


if __name__ == "__main__":
    main()
