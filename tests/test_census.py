"""The networks compared: their counts and where their accuracy comes from."""

import pytest

from utils import census, ledger


@pytest.mark.parametrize("one", census.NETWORKS, ids=lambda one: one.name)
def test_counts_are_those_of_the_ledger(one):
    module, _, name = one.source.partition(":")
    ids = {
        "GoogLeNet": "torchvision.googlenet.parameters",
        "Inception-v3": "torchvision.inception_v3.no_aux.parameters",
        "NIN": "nin.imagenet.parameters",
    }
    known = ids.get(one.name, f"torchvision.{name}.parameters")
    if one.name == "Inception-v4":
        reported = ledger.published("inception_v4.parameters").value
        assert one.parameters / 1e6 == pytest.approx(reported, abs=0.06)
    elif one.name == "ENet":
        assert one.parameters == 338_156 + 129 * 1000
    else:
        assert one.parameters == ledger.published(known).value
    if module == "torchvision.models":
        gmac = ledger.published(f"torchvision.{name}.gmac")
        assert one.macs / 1e9 == pytest.approx(gmac.value, abs=gmac.tolerance)
        assert one.top1 == ledger.published(f"torchvision.{name}.v1.top1").value


def test_top1_that_nobody_gave():
    assert census.network("ENet").best_known_top1 is None
    assert census.network("Inception-v4").best_known_top1 == 80.0
    assert census.network("NIN").best_known_top1 == 62.62
    assert census.network("AlexNet").reported_top1 == 54.61


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="ResNet-18"):
        census.network("resnet")


def test_names_are_unique_and_thirteen_are_early():
    assert len({one.name for one in census.NETWORKS}) == len(census.NETWORKS)
    assert sum(one.early for one in census.NETWORKS) == 13
