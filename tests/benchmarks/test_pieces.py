"""Small pieces timed by pytest-benchmark, to compare two versions of the course on one machine.

pytest tests/benchmarks --benchmark-autosave     before a change
pytest tests/benchmarks --benchmark-compare      after it
"""

import bench_convolution
import pytest
import torch

from utils import training
from utils.arithmetic import layer_table
from utils.models import AlexNet, LeNet5


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", bench_convolution.SIZES)
@pytest.mark.parametrize("who", ["numpy", "torch"])
def test_convolution_forward_and_backward(benchmark, size, who):
    pair = bench_convolution.pair(bench_convolution.SIZES[size])
    benchmark.group = size
    benchmark(pair[who == "torch"])


def test_twenty_steps_of_fit(benchmark):
    images, labels = torch.rand(640, 1, 28, 28), torch.randint(0, 10, (640,))
    model = LeNet5()
    quiet = {"guards": False, "progress": False, "device": "cpu"}
    benchmark(lambda: training.fit(model, (images, labels), epochs=1, batch_size=32, **quiet))


def test_layer_table_of_alexnet(benchmark):
    with torch.device("meta"):
        model = AlexNet()
    benchmark(layer_table, model, (3, 227, 227))
