"""`course refresh` with real kernels: what is stored is what the code prints, every time."""

from utils.course import digest, main, notebooks

NOISE = """
import sys, time, warnings
for step in range(3):
    print(step, end=" ", flush=True)
    time.sleep(0.02)
print("done")
from tqdm import tqdm
for _ in tqdm(range(3)):
    pass
"""

FIGURE = """
from IPython.display import HTML, display
display(HTML("<b>4</b>"))
print("after")
"""


def test_stored_outputs_do_not_change_from_run_to_run(clone):
    path = clone.notebook(
        "06_lenet", NOISE, FIGURE, "import utils.arithmetic\nutils.arithmetic.output_size(28, 5)"
    )
    assert main(["refresh"]) == 0
    first = path.read_bytes()
    notebook = notebooks.read(path)
    assert notebook["cells"][2]["outputs"] == [
        {"name": "stdout", "output_type": "stream", "text": ["0 1 2 done\n"]}
    ]
    assert [output["output_type"] for output in notebook["cells"][3]["outputs"]] == [
        "display_data",
        "stream",
    ]
    stored = notebook["metadata"]["course"]["digest"]
    assert list(stored["modules"]) == ["utils/arguments.py", "utils/arithmetic.py"]
    assert digest.stale(notebook) == []
    assert main(["refresh"]) == 0
    assert path.read_bytes() == first


def test_a_failing_notebook_is_not_touched(clone, capsys):
    path = clone.notebook("06_lenet", "print(1)", "1 / 0")
    before = path.read_bytes()
    assert main(["refresh"]) == 1
    assert path.read_bytes() == before
    assert "lectures/06_lenet.ipynb: cell 4 of 4: ZeroDivisionError" in capsys.readouterr().err
