"""The first steps of AlexNet's full training, on a made-up Imagenette."""

import pytest
import torch
from PIL import Image
from torch import nn

from utils import training
from utils.datasets.imagenette import WORDNET_IDS
from utils.recipes import alexnet


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("imagenette2")
    for part, count in (("train", 3), ("val", 1)):
        for label, wordnet_id in enumerate(WORDNET_IDS):
            (root / part / wordnet_id).mkdir(parents=True)
            for number in range(count):
                colour = (25 * label, 255 - 25 * label, 40 * number)
                Image.new("RGB", (260, 256), colour).save(
                    root / part / wordnet_id / f"{number}.JPEG"
                )
    return root


class Mortal(nn.Module):
    """Dies in the training pass after so many steps."""

    def __init__(self, steps: int | None):
        super().__init__()
        self.steps = steps

    def forward(self, x):
        if self.training and self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise InterruptedError("killed")
        return x


def small(steps=None):
    torch.manual_seed(7)
    layers = nn.AvgPool2d(75), nn.Flatten(), nn.BatchNorm1d(27), nn.Dropout(0.1), nn.Linear(27, 10)
    return nn.Sequential(*layers, Mortal(steps))


def options(folder, **more):
    defaults = dict(epochs=2, batch_size=8, device="cpu", network=small(), progress=False)
    return dict(folder=folder) | defaults | more


def test_the_real_network_takes_its_first_steps(folder):
    found = alexnet.train(**options(folder, epochs=1, limit=2, network=None, batch_size=5))
    assert len(found.history.step_loss) == 2
    assert 1.5 < found.history.step_loss[0] < 4  # log 10, and what dropout adds to it
    assert found.history.step_lr == pytest.approx([0.01, 0.001])
    weights = sum(parameter.numel() for parameter in found.model.parameters())
    assert weights == 60_965_224 - 990 * 4097
    assert 0 <= found.ten_crops <= 1


def test_a_killed_training_goes_on_where_it_was(folder, tmp_path):
    whole = alexnet.train(**options(folder, epochs=3))
    place = tmp_path / "run"
    with pytest.raises(InterruptedError, match="killed"):
        alexnet.train(**options(folder, epochs=3, checkpoint=place, network=small(5)))
    resumed = alexnet.train(**options(folder, epochs=3, checkpoint=place))
    assert resumed.history.step_loss == whole.history.step_loss
    for one, two in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(one, two)


def test_the_rate_is_divided_three_times():
    optimizer = alexnet.sgd_2012([nn.Parameter(torch.zeros(1))])
    schedule = alexnet.divide_thrice(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert [rates[step] for step in (0, 49, 50, 74, 75, 89, 90, 99)] == pytest.approx(
        [0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5]
    )


def test_the_network_reads_grey_levels_less_their_mean():
    images = torch.randint(0, 256, (5, 3, 230, 231), dtype=torch.uint8)
    mean = alexnet.mean_picture(images)
    middle = images[..., 1:228, 2:229].float() / 255
    torch.testing.assert_close(mean, middle.mean(dim=0))
    read = alexnet.LessMean(mean)(middle)
    torch.testing.assert_close(read.mean(dim=0), torch.zeros(3, 227, 227), rtol=0, atol=1e-4)
    assert 150 < read.max() - read.min() < 512


def test_training_goes_through_fit(folder):
    found = alexnet.train(**options(folder))
    assert isinstance(found.history, training.History)
    assert len(found.history.validation_metric) == 2
