"""Small pictures to learn from, and a network small enough to learn them in a blink."""

import contextlib
import io

import pytest
import torch
from torch import nn

CLASSES = 4


def patterns(count: int, seed: int = 0, noise: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy 8 x 8 pictures of four fixed patterns: inputs (N, 1, 8, 8), labels 0..3."""
    prototypes = torch.randn(CLASSES, 1, 8, 8, generator=torch.Generator().manual_seed(99))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    noises = torch.randn(count, 1, 8, 8, generator=generator)
    return prototypes[labels] + noise * noises, labels


def small_net(seed: int = 0, dropout: float = 0.0, batch_norm: bool = False) -> nn.Sequential:
    """Convolution and two dense layers for `patterns`, the same for the same seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Sequential(
                nn.Conv2d(1, 6, 3, padding=1),
                nn.BatchNorm2d(6) if batch_norm else nn.Identity(),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(96, 16),
            nn.ReLU(),
            nn.Linear(16, CLASSES),
        )
    return net


@pytest.fixture
def quietly():
    """Call a function and throw away what it prints."""

    def call(function, *arguments, **options):
        with contextlib.redirect_stdout(io.StringIO()):
            return function(*arguments, **options)

    return call


@pytest.fixture
def make_patterns():
    return patterns


@pytest.fixture
def make_net():
    return small_net
