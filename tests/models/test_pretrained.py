"""Pretrained networks: right names, right input, right answers on photographs everyone knows."""

import importlib.util
import io
import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision

from utils import ROOT, models
from utils.datasets.photos import photo
from utils.models.pretrained import prepare_efficientnet, prepare_squeezenet

NAMES = ("squeezenet1_1", "efficientnet_lite0")
CATS = {"tabby", "tiger cat", "Egyptian cat"}


@pytest.fixture(scope="module")
def networks():
    return {name: models.pretrained(name) for name in NAMES}


@pytest.fixture(scope="module")
def make():
    """The script that made the weights, as a module."""
    path = ROOT / "data" / "make" / "squeezenet.py"
    spec = importlib.util.spec_from_file_location("make_squeezenet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_a_cat_is_a_cat_and_coffee_is_espresso(networks, name):
    network = networks[name]
    with torch.no_grad():
        logits = network(network.prepare([photo("chelsea"), photo("coffee")]))
    cat, coffee = models.top_classes(logits, 3)
    assert {label for label, _ in cat} == CATS
    assert coffee[0][0] == "espresso"
    likely, unlikely = models.cat_probability(logits).tolist()
    assert likely > 0.9 and unlikely < 0.01


@pytest.mark.parametrize(("name", "count"), [("squeezenet1_1", 1_235_496), (NAMES[1], 4_652_008)])
def test_networks_are_in_evaluation_mode_and_complete(networks, name, count):
    network = networks[name]
    assert not any(module.training for module in network.modules())
    assert sum(p.numel() for p in network.parameters()) == count
    assert all(p.requires_grad and p.dtype == torch.float32 for p in network.parameters())
    assert network.class_names() == models.class_names()


def test_loading_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    models.pretrained("squeezenet1_1")
    assert torch.equal(torch.get_rng_state(), before)


def test_two_networks_share_no_weights():
    one, other = models.pretrained("squeezenet1_1"), models.pretrained("squeezenet1_1")
    with torch.no_grad():
        one.features[0].weight.zero_()
    assert other.features[0].weight.any()


def test_npz_keys_and_shapes_are_torchvisions():
    expected = torchvision.models.squeezenet1_1().state_dict()
    with np.load(ROOT / "data/squeezenet/squeezenet1_1.npz", allow_pickle=False) as arrays:
        assert set(arrays) == set(expected)
        assert all(arrays[key].shape == tuple(expected[key].shape) for key in arrays)
        assert all(arrays[key].dtype == np.float16 for key in arrays)


def test_squeezenet_sees_blue_green_red_less_the_mean():
    red = torch.zeros(3, 40, 60, dtype=torch.uint8)
    red[0] = 255
    prepared = prepare_squeezenet(red)
    assert prepared.shape == (1, 3, 227, 227) and prepared.dtype == torch.float32
    expected = torch.tensor([0.0, 0.0, 255.0]) - torch.tensor([103.939, 116.779, 123.68])
    assert torch.allclose(prepared[0, :, 100, 100], expected)


def test_efficientnet_sees_values_around_zero():
    image = torch.tensor([0, 127, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 90, 50)
    prepared = prepare_efficientnet(image)
    assert prepared.shape == (2, 3, 224, 224)
    assert prepared[0, :, 9, 9].tolist() == [-127 / 128, 0, 1]


@pytest.mark.parametrize("prepare", [prepare_squeezenet, prepare_efficientnet])
def test_prepare_keeps_the_size_when_asked_and_takes_photographs_of_any(prepare):
    scenes = torch.randint(0, 256, (2, 3, 128, 128), dtype=torch.uint8)
    assert prepare(scenes, resize=False).shape == (2, 3, 128, 128)
    sides = torch.zeros(3, 300, 100, dtype=torch.uint8), torch.zeros(3, 99, 451, dtype=torch.uint8)
    both = prepare(list(sides))
    assert both.shape[0] == 2 and both.shape[2] == both.shape[3]
    assert torch.equal(both[1:], prepare(sides[1]))
    with pytest.raises(ValueError, match="different sizes"):
        prepare(list(sides), resize=False)
    with pytest.raises(ValueError, match=r"torch.float32 .* must be uint8"):
        prepare(torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="three channels"):
        prepare(torch.zeros(1, 1, 64, 64, dtype=torch.uint8))


def test_squeezenet_at_128_pixels_has_a_grid_of_seven(networks):
    network = networks["squeezenet1_1"]
    with torch.no_grad():
        maps = network.features(torch.zeros(1, 3, 128, 128))
    assert maps.shape == (1, 512, 7, 7)


def test_cat_probability_sums_five_classes_and_has_a_gradient():
    logits = torch.zeros(2, 1000, dtype=torch.float64)
    logits[1, 283] = 50
    logits.requires_grad_()
    probability = models.cat_probability(logits)
    assert torch.allclose(probability, torch.tensor([0.005, 1.0], dtype=torch.float64))
    probability[0].backward()
    assert (logits.grad[0, 281:286] > 0).all() and (logits.grad[0, :281] < 0).all()
    cats = [models.class_names()[k] for k in range(281, 286)]
    assert cats == ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"]


def test_wrong_shapes_and_names_are_refused():
    with pytest.raises(ValueError, match="1,000 classes"):
        models.cat_probability(torch.zeros(2, 10))
    with pytest.raises(ValueError, match=r"k=0"):
        models.top_classes(torch.zeros(1, 1000), 0)
    with pytest.raises(ValueError, match=r"no pretrained network is called 'vgg16'; there are"):
        models.pretrained("vgg16")


def test_the_function_keeps_its_name_whatever_is_imported_first():
    code = (
        "import sys, utils.models.pretrained, utils.models as m\n"
        "assert callable(m.pretrained) and 'torch' not in sys.modules\n"
        "from utils.models import pretrained\n"
        "assert callable(pretrained)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


class Evil:
    """Opened by pickle.load, it would run a command."""

    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"conv1": Evil()}),
        b"cos\nsystem\n(S'true'\ntR.",  # os.system("true")
        b"cnumpy\nload\n(S'x.npy'\ntR.",  # a NumPy function that is no array
        b"cnumpy.core.multiarray\nscalar\n.",
    ],
)
def test_the_unpickler_refuses_whatever_is_no_array(make, content):
    pickletools.dis(content, out=io.StringIO())  # it is a pickle
    with pytest.raises(pickle.UnpicklingError, match="only NumPy arrays are allowed"):
        make.load_arrays(io.BytesIO(content))


@pytest.mark.parametrize("protocol", [3, 4])
def test_the_unpickler_reads_arrays(make, protocol):
    weights = {"conv1": [np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4), np.ones(4)]}
    read = make.load_arrays(io.BytesIO(pickle.dumps(weights, protocol)))
    assert all(np.array_equal(a, b) for a, b in zip(read["conv1"], weights["conv1"], strict=True))


def test_renaming_covers_torchvisions_network_and_transposes(make):
    expected = torchvision.models.squeezenet1_1().state_dict()
    theirs = {"conv1": "features.0", "conv10": "classifier.1"}
    for fire, index in zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True):
        for part, name in (("squeeze1x1", "squeeze"), *((f"expand{k}x{k}",) * 2 for k in (1, 3))):
            theirs[f"fire{fire}/{part}"] = f"features.{index}.{name}"
    weights = {
        name: [
            expected[f"{ours}.weight"].permute(2, 3, 1, 0).numpy(),
            expected[f"{ours}.bias"].numpy(),
        ]
        for name, ours in theirs.items()
    }
    state = make.torchvision_state(weights)
    assert set(state) == set(expected)
    assert all(np.array_equal(state[key], expected[key].numpy()) for key in state)
