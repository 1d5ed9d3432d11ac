"""The autoencoder drawn: sizes and counts are those of the modules."""

import torch

from utils.arithmetic import count_parameters
from utils.diagrams import semi_adversarial
from utils.models import SemiAdversarialAutoencoder


def test_the_drawing_shows_the_papers_shapes_and_every_parameter():
    with torch.device("meta"):
        model = SemiAdversarialAutoencoder()
    axes = semi_adversarial.autoencoder(model, 224, "Title").axes[0]
    words = [text.get_text() for text in axes.texts]
    channels = [word for word in words if word in ("4", "8", "12", "256", "128", "131", "1")]
    assert channels == ["4", "8", "12", "256", "128", "131", "1"]
    assert [word.split(" ")[0] for word in words if " × " in word] == [
        "224", "112", "56", "112", "224", "224", "224",
    ]  # fmt: skip
    learned = [int(word.replace(",", "")) for word in words if word.replace(",", "").isdigit()]
    assert sum(learned) - sum(map(int, channels)) == count_parameters(model)


def test_heights_are_to_scale():
    with torch.device("meta"):
        model = SemiAdversarialAutoencoder()
    axes = semi_adversarial.autoencoder(model, 64).axes[0]
    heights = [patch.get_height() for patch in axes.patches if hasattr(patch, "get_height")]
    assert max(heights) / min(heights) == 4
