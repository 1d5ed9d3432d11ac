"""Notebooks made up for the browser tests: one lecture with everything in it, and broken ones.

Nothing is executed: outputs are written as a kernel would have left them, so that the tests of
slides and site mean something however many lectures there are.
"""

import base64
import io
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

LONG_HEADING = (
    "## When a five by five detector slides over the image it learns the same twenty-six numbers "
    "wherever it looks, and saves four hundred thousand weights"
)

EXPLORER = """\
<div id="demo-explorer" class="explorer" role="group" aria-label="Output size of a convolution">
<label for="demo-kernel">Kernel size K</label>
<input id="demo-kernel" type="range" min="1" max="11" value="5">
<output id="demo-size" for="demo-kernel">24</output>
<button id="demo-reset" type="button">Reset</button>
<canvas id="demo-canvas" width="480" height="240" role="img" aria-label="Output, drawn"></canvas>
</div>
<script>
(() => {
  const kernel = document.getElementById('demo-kernel');
  const size = document.getElementById('demo-size');
  const pen = document.getElementById('demo-canvas').getContext('2d');
  const draw = () => {
    const output = 28 - kernel.value + 1;
    size.textContent = output;
    pen.clearRect(0, 0, 480, 240);
    pen.fillStyle = '#0b5c8a';
    for (let i = 0; i < output; i++) for (let j = 0; j < output; j++) {
      pen.fillRect(8 + 8 * i, 8 + 8 * j, 7, 7);
    }
  };
  kernel.addEventListener('input', draw);
  document.getElementById('demo-reset').addEventListener('click', () => {
    kernel.value = 5;
    draw();
  });
  draw();
})();
</script>
"""

TABLE = """\
<table><caption>LeNet-5, layer by layer</caption>
<thead><tr><th scope="col">Layer</th><th scope="col">Output</th>
<th scope="col" style="text-align: right">Parameters</th>
<th scope="col" style="text-align: right">MACs</th></tr></thead>
<tbody>
<tr><td>conv1</td><td>6 x 28 x 28</td><td style="text-align: right">156</td>
<td style="text-align: right">117,600</td></tr>
<tr><td>pool1</td><td>6 x 14 x 14</td><td style="text-align: right">0</td>
<td style="text-align: right">0</td></tr>
<tr><td>conv2</td><td>16 x 10 x 10</td><td style="text-align: right">2,416</td>
<td style="text-align: right">240,000</td></tr>
<tr><td>pool2</td><td>16 x 5 x 5</td><td style="text-align: right">0</td>
<td style="text-align: right">0</td></tr>
<tr><td>conv3</td><td>120 x 1 x 1</td><td style="text-align: right">48,120</td>
<td style="text-align: right">48,000</td></tr>
<tr><td>fc1</td><td>84</td><td style="text-align: right">10,164</td>
<td style="text-align: right">10,080</td></tr>
<tr><td>fc2</td><td>10</td><td style="text-align: right">850</td>
<td style="text-align: right">840</td></tr>
</tbody></table>
"""

CODE = """\
def train_one_epoch(model, images, labels, optimizer, batch_size=128):
    \"\"\"One pass over the training set in random order.\"\"\"
    model.train()
    order = torch.randperm(len(images))  # a new order each epoch
    for batch in order.split(batch_size):
        logits = model(images[batch])
        loss = F.cross_entropy(logits, labels[batch])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return loss.item()
"""


def picture(width: float = 11, height: float = 4.2, title: str = "Loss falls") -> str:
    """Return a drawn figure as base64 PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2)
    axes[0].plot([2.30, 0.42, 0.21, 0.14, 0.11])
    axes[0].set(title=title, xlabel="epoch", ylabel="loss (nats)")
    axes[1].imshow([[0, 1, 2], [3, 4, 5], [6, 7, 8]], cmap="viridis")
    axes[1].set(title="A kernel")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return base64.b64encode(file.getvalue()).decode()


def markdown(source: str, kind: str = "-", **metadata) -> nbformat.NotebookNode:
    """Return a Markdown cell of a slide type."""
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}, **metadata})


def notes(source: str) -> nbformat.NotebookNode:
    """Return speaker notes."""
    return markdown(source, "notes", tags=["remove-cell"])


def code(source: str, kind: str = "-", outputs=(), tags=(), **metadata) -> nbformat.NotebookNode:
    """Return an executed code cell."""
    return new_code_cell(
        source,
        execution_count=1,
        outputs=list(outputs),
        metadata={"slideshow": {"slide_type": kind}, "tags": list(tags), **metadata},
    )


def printed(text: str, name: str = "stdout"):
    """Return what a cell printed."""
    return new_output("stream", name=name, text=text)


def shown(**data):
    """Return what a cell displayed, by MIME type with `_` for `/`."""
    return new_output("display_data", data={k.replace("_", "/", 1): v for k, v in data.items()})


def figure_cell(kind: str = "-", *, alt: str = "Loss falls over five epochs", **size):
    """Return a cell that drew a figure, its code hidden."""
    output = shown(image_png=picture(**size), text_plain='<Figure "Loss falls": 2 axes>')
    metadata = {"alt": alt} if alt else {}
    return code("plots.losses(history)", kind, [output], ["hide-input"], **metadata)


def notebook(cells) -> nbformat.NotebookNode:
    """Return a notebook with the course's metadata."""
    nb = new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "course": {"lecture": "90", "title": "Everything a slide can hold", "budget": 30},
        },
    )
    for index, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{index:03d}"
    return nb


def lecture() -> nbformat.NotebookNode:
    """Return a lecture that has one of everything."""
    return notebook(
        [
            markdown(
                "# Convolution arithmetic, drawn and counted\n\n"
                "After this lecture you can\n\n"
                "- predict the size of a convolution's output from $W$, $K$, $P$ and $S$;\n"
                "- say why a `5x5` detector learns **26 numbers** on a grey image;\n"
                "- find the receptive field of a stack of layers.",
                "slide",
            ),
            notes("Welcome. *Two minutes.* Ask who has trained a network before: $K = 5$?"),
            code("PRESET = 'quick'  # or 'full'", "skip", tags=["parameters"]),
            code("import torch", "slide", tags=["hide-input"]),
            markdown("## Sparse connections and shared weights are two separate ideas", "slide"),
            markdown(
                "## How many numbers are there to learn?\n\n"
                "A detector of 5 by 5 pixels visits every place of a 28 by 28 image.\n"
                "*Write your guess down before you go on.*",
                "slide",
            ),
            notes("Hands up: 25? 26? 14,400? Most forget the bias. Two minutes."),
            markdown(
                "## The output's size follows from five numbers\n\n"
                "$$O = \\left\\lfloor \\frac{W + 2P - D\\,(K - 1) - 1}{S} \\right\\rfloor + 1$$\n\n"
                "- $W$ is the input's width and $K$ the kernel's, in pixels\n"
                "- $P$ zeros stand on each side, $S$ is the step, $D$ the spacing of the taps\n"
                "- here $\\lfloor (28 + 0 - 4 - 1) / 1 \\rfloor + 1 = 24$",
                "slide",
            ),
            notes("The deck's form has neither floor nor dilation. Three minutes."),
            markdown("Seventy words of why, for the reader at home.", "skip"),
            markdown("The last step leaves out what does not fit.", "fragment"),
            markdown(LONG_HEADING, "slide"),
            figure_cell(),
            notes("Point at the knee of the curve. One minute."),
            markdown("## Most parameters sit in one layer, most work in another", "subslide"),
            code("layer_table(model)", "-", [shown(text_html=TABLE)], ["hide-input"]),
            notes("Who would have guessed? Two minutes."),
            markdown("## The whole training loop fits on a slide", "slide"),
            code(CODE, outputs=[printed("loss 0.11\n"), printed("100%|####| 9/9", "stderr")]),
            notes("Read it aloud, line by line. Four minutes."),
            code(
                "detector = nn.Conv2d(1, 1, kernel_size=5)\ncount_parameters(detector)",
                "subslide",
                [new_output("execute_result", {"text/plain": "26"}, execution_count=7)],
            ),
            figure_cell("fragment", title="Step by step", height=3.2),
            markdown("## Turn the knob and watch the output shrink", "slide"),
            code("explorers.convolution()", "-", [shown(text_html=EXPLORER)], ["hide-input"]),
            notes("Let someone from the room choose K."),
            markdown(
                "### Exercise 90.1: how large is the output?\n\n"
                "An image of 32 by 32 pixels meets a kernel of 5 by 5 with stride 2 and no "
                "padding. What comes out?",
                "slide",
                course={"exercise": "90.1", "role": "prompt", "points": 2, "minutes": 5},
            ),
            code("answer = ...", "-", course={"exercise": "90.1", "role": "starter"}),
            notes("Five minutes, in pairs."),
            markdown(
                "## What to take home\n\n"
                "1. A kernel of 5 by 5 learns 26 numbers, wherever it looks.\n"
                "2. The output's size is a formula with a floor.\n"
                "3. See [the next lecture](https://example.org/next) for gradients.\n\n"
                "> One assumption replaces four hundred thousand weights.",
                "slide",
            ),
            notes("Done."),
        ]
    )


def solution() -> nbformat.NotebookNode:
    """Return the solutions of that lecture, with numbers that the ledger knows."""
    from utils import ledger

    comparisons = []
    for id in ("lenet5.parameters", "lenet5.c3.connections"):
        entry = ledger.published(id)
        expected = entry.value if entry.right is None else entry.right
        record = {"id": id, "computed": expected, "verdict": entry.verdict}
        line = ledger.Comparison(entry, expected, entry.verdict).line
        output = new_output("display_data", {"text/plain": line}, metadata={ledger.KEY: record})
        comparisons.append(code(f"ledger.compare({id!r}, computed)", outputs=[output]))
    return notebook(
        [
            markdown("# Solutions: convolution arithmetic", "slide"),
            markdown("## Exercise 90.1\n\nThe floor takes the half pixel: 14 by 14."),
            code("answer = (32 - 5) // 2 + 1", course={"exercise": "90.1", "role": "starter"}),
            *comparisons,
        ]
    )


def broken(what: str) -> nbformat.NotebookNode:
    """Return a deck with one fault.

    Parameters
    ----------
    what : {"outside", "overflow", "overlap", "small", "alt", "blown", "contrast", "math", "script",
        "edge", "margin", "broken"}
    """
    title = markdown("# A deck with a fault", "slide")
    if what == "outside":
        fault = markdown(
            "## A picture from elsewhere\n\n![A cat](http://example.org/cat.png)", "slide"
        )
    elif what == "overflow":
        items = "\n".join(f"- point {number} of far too many" for number in range(30))
        fault = markdown(f"## This slide holds far too much\n\n{items}", "slide")
    elif what == "overlap":
        text = '<div style="margin-top: -225px">on top of the heading</div>'
        fault = code("1", "slide", [shown(text_html=text)], ["hide-input"])
        return notebook([title, markdown("## A heading that is covered", "slide"), fault_as(fault)])
    elif what == "alt":
        fault = figure_cell("slide", alt="")
    elif what == "blown":
        fault = figure_cell("slide", alt="a curve", width=3.5)
        fault.outputs[0].metadata = {"image/png": {"width": 700}}
    elif what == "contrast":
        text = '<p style="color: #ccc; background: #fff">pale words</p>'
        fault = code("1", "slide", [shown(text_html=text)], ["hide-input"])
    elif what == "small":
        text = (
            '<p style="font-size: 12px">for the first row only</p>'
            '<div style="height: 40px; overflow: hidden">cut<br>off<br>in<br>the<br>middle</div>'
        )
        fault = code("1", "slide", [shown(text_html=text)], ["hide-input"])
    elif what == "script":
        text = "<script>undefinedThing.draw()</script>"
        fault = code("1", "slide", [shown(text_html=text)], ["hide-input"])
    elif what == "edge":
        table = TABLE.replace("<table>", '<table style="position: relative; left: 30px">')
        fault = code("1", "slide", [shown(text_html=table)], ["hide-input"])
    elif what == "margin":
        table = TABLE.replace("<table>", '<table style="width: 1205px">')
        fault = code("1", "slide", [shown(text_html=table)], ["hide-input"])
    elif what == "broken":
        fault = code("answer = " + " + ".join(f"term_{n}" for n in range(20)), "slide")
    elif what == "math":
        fault = markdown("## A formula that is none\n\n$\\undefinedcommand{1}$", "slide")
    else:
        raise ValueError(what)
    return notebook([title, fault])


def fault_as(cell):
    """Return a cell as the continuation of the slide before it."""
    cell.metadata["slideshow"] = {"slide_type": "-"}
    return cell


def write(nb: nbformat.NotebookNode, path: Path) -> Path:
    """Write a notebook and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path
