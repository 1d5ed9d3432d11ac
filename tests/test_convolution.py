"""`utils.convolution` against PyTorch, against itself, and against the mathematics."""

import doctest
import time

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits
from torch.nn import functional as F

from utils import convolution
from utils.convolution import (
    avg_pool2d,
    avg_pool2d_backward,
    conv2d,
    conv2d_backward,
    conv2d_backward_loops,
    conv2d_loops,
    max_pool2d,
    max_pool2d_backward,
)

pairs = lambda low, high: st.tuples(st.integers(low, high), st.integers(low, high))


def mixed(low, high):
    """An int or a pair."""
    return st.integers(low, high) | pairs(low, high)


@st.composite
def convolutions(draw, *, batch=3, side=9, channels=3):
    """Arrays and settings of a convolution that is possible."""
    groups = draw(st.integers(1, 3))
    in_channels = groups * draw(st.integers(1, channels))
    out_channels = groups * draw(st.integers(1, channels))
    kernel = draw(pairs(1, 4))
    settings_of_layer = {
        "stride": draw(mixed(1, 3)),
        "padding": draw(mixed(0, 3)),
        "dilation": draw(mixed(1, 3)),
        "groups": groups,
    }
    shape = draw(st.tuples(st.integers(1, side), st.integers(1, side)))
    for size, k, p, d in zip(
        shape,
        kernel,
        np.broadcast_to(settings_of_layer["padding"], 2),
        np.broadcast_to(settings_of_layer["dilation"], 2),
        strict=True,
    ):
        assume(size + 2 * p >= d * (k - 1) + 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    x = rng.standard_normal((draw(st.integers(1, batch)), in_channels, *shape))
    weight = rng.standard_normal((out_channels, in_channels // groups, *kernel))
    bias = rng.standard_normal(out_channels) if draw(st.booleans()) else None
    return x, weight, bias, settings_of_layer, rng


@st.composite
def poolings(draw):
    kernel = draw(mixed(1, 4))
    stride = draw(st.none() | mixed(1, 3))
    half = [k // 2 for k in np.broadcast_to(kernel, 2)]
    padding = (draw(st.integers(0, half[0])), draw(st.integers(0, half[1])))
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    for size, k, p in zip(shape, np.broadcast_to(kernel, 2), padding, strict=True):
        assume(size + 2 * p >= k)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    full = (draw(st.integers(1, 2)), draw(st.integers(1, 3)), *shape)
    # Few different values: most windows hold ties.
    x = rng.integers(-2, 3, full).astype(float) if draw(st.booleans()) else rng.normal(size=full)
    return x, {"kernel_size": kernel, "stride": stride, "padding": padding}, rng


def tensor(array):
    return torch.tensor(np.array(array), requires_grad=True)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-10, atol=1e-11)


# --- convolution ----------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None, derandomize=True)
@given(convolutions())
def test_values_and_all_gradients_are_torchs(case):
    x, weight, bias, options, rng = case
    tx, tw, tb = tensor(x), tensor(weight), None if bias is None else tensor(bias)
    expected = F.conv2d(tx, tw, tb, **options)
    y = conv2d(x, weight, bias, **options)
    close(y, expected)
    grad_output = rng.standard_normal(y.shape)
    expected.backward(torch.from_numpy(grad_output))
    grad_x, grad_weight, grad_bias = conv2d_backward(grad_output, x, weight, **options)
    close(grad_x, tx.grad)
    close(grad_weight, tw.grad)
    if tb is not None:
        close(grad_bias, tb.grad)
    assert grad_bias.shape == (len(weight),)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(convolutions(batch=2, side=6, channels=2))
def test_the_readable_versions_say_the_same(case):
    x, weight, bias, options, rng = case
    y = conv2d(x, weight, bias, **options)
    np.testing.assert_allclose(conv2d_loops(x, weight, bias, **options), y, rtol=1e-12, atol=1e-12)
    grad_output = rng.standard_normal(y.shape)
    for ours, loops in zip(
        conv2d_backward(grad_output, x, weight, **options),
        conv2d_backward_loops(grad_output, x, weight, **options),
        strict=True,
    ):
        np.testing.assert_allclose(loops, ours, rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(convolutions())
def test_the_input_gradient_is_the_adjoint(case):
    """<A x, g> = <x, A' g>, and the same for the kernels: the map is linear in both."""
    x, weight, _, options, rng = case
    y = conv2d(x, weight, **options)
    g = rng.standard_normal(y.shape)
    grad_x, grad_weight, _ = conv2d_backward(g, x, weight, **options)
    scale = np.linalg.norm(y) * np.linalg.norm(g) + 1
    assert abs(np.vdot(y, g) - np.vdot(x, grad_x)) < 1e-10 * scale
    assert abs(np.vdot(y, g) - np.vdot(weight, grad_weight)) < 1e-10 * scale


@settings(max_examples=60, deadline=None, derandomize=True)
@given(convolutions())
def test_a_shared_gradient_is_the_sum_over_an_unshared_layers(case):
    """An unshared layer has kernels of its own at every place of every image: torch's unfold."""
    x, weight, _, options, rng = case
    groups = options.pop("groups")
    assume(groups == 1)
    patches = F.unfold(torch.from_numpy(x), weight.shape[2:], **options)  # N, C K K, places
    n, _, places = patches.shape
    unshared = tensor(
        np.broadcast_to(
            weight.reshape(1, len(weight), -1, 1), (n, len(weight), patches.shape[1], places)
        )
    )
    out = (unshared * patches[:, None]).sum(dim=2)
    y = conv2d(x, weight, **options)
    close(y.reshape(n, len(weight), -1), out)
    grad_output = rng.standard_normal(y.shape)
    out.backward(torch.from_numpy(grad_output.reshape(out.shape)))
    _, grad_weight, _ = conv2d_backward(grad_output, x, weight, **options)
    close(grad_weight.reshape(len(weight), -1), unshared.grad.sum(dim=(0, 3)))


def test_gradients_are_difference_quotients():
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(s) for s in ((2, 4, 6, 5), (2, 2, 3, 2), (2,)))
    options = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
    direction = rng.standard_normal(conv2d(x, weight, bias, **options).shape)
    gradients = conv2d_backward(direction, x, weight, **options)
    for array, gradient in zip((x, weight, bias), gradients, strict=True):
        for place in list(np.ndindex(array.shape))[::7]:
            step = np.zeros_like(array)
            step[place] = 1e-6
            ahead = [a + step if a is array else a for a in (x, weight, bias)]
            behind = [a - step if a is array else a for a in (x, weight, bias)]
            change = conv2d(*ahead, **options) - conv2d(*behind, **options)
            assert (change * direction).sum() / 2e-6 == pytest.approx(gradient[place], abs=1e-7)


def test_kernels_are_not_flipped():
    from scipy import signal

    rng = np.random.default_rng(1)
    image, kernel = rng.standard_normal((7, 8)), rng.standard_normal((3, 2))
    y = conv2d(image[None, None], kernel[None, None])[0, 0]
    np.testing.assert_allclose(y, signal.correlate2d(image, kernel, mode="valid"))
    assert not np.allclose(y, signal.convolve2d(image, kernel, mode="valid"))


def test_types_stay_and_integers_do_not_overflow():
    x = np.full((1, 1, 3, 3), 200, dtype=np.uint8)
    weight = np.ones((1, 1, 3, 3), dtype=np.int8)
    assert conv2d(x, weight).item() == 1800.0
    assert max_pool2d(x, 3).item() == 200.0 and avg_pool2d(x, 3).item() == 200.0
    x, weight = x.astype(np.float32), weight.astype(np.float32)
    y = conv2d(x, weight, np.zeros(1, np.float32), padding=1)
    assert y.dtype == np.float32
    for gradient in conv2d_backward(y, x, weight, padding=1):
        assert gradient.dtype == np.float32
    pooled = avg_pool2d(x, 2, 1)
    assert pooled.dtype == max_pool2d(x, 2, 1).dtype == np.float32
    assert avg_pool2d_backward(pooled, x, 2, 1).dtype == np.float32
    assert max_pool2d_backward(pooled, x, 2, 1).dtype == np.float32


def test_arguments_are_not_written_to():
    rng = np.random.default_rng(2)
    x, weight = rng.standard_normal((2, 2, 5, 5)), rng.standard_normal((3, 2, 3, 3))
    y = conv2d(x, weight)
    for array in (x, weight, y):
        array.setflags(write=False)
    conv2d_backward(y, x, weight)
    conv2d_backward_loops(y, x, weight)
    max_pool2d_backward(max_pool2d(x, 2), x, 2)
    avg_pool2d_backward(avg_pool2d(x, 2), x, 2)


def test_an_empty_batch_is_a_batch():
    x, weight = np.zeros((0, 2, 5, 5)), np.ones((3, 2, 3, 3))
    y = conv2d(x, weight)
    assert y.shape == (0, 3, 3, 3)
    grad_x, grad_weight, grad_bias = conv2d_backward(y, x, weight)
    assert grad_x.shape == x.shape and not grad_weight.any() and not grad_bias.any()


# --- pooling --------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None, derandomize=True)
@given(poolings(), st.integers(1, 2))
def test_max_pooling_and_its_gradient_are_torchs_ties_included(case, dilation):
    x, options, rng = case
    for size, k, p in zip(
        x.shape[2:], np.broadcast_to(options["kernel_size"], 2), options["padding"], strict=True
    ):
        assume(size + 2 * p >= dilation * (k - 1) + 1)
    inside = np.pad(np.ones(x.shape[2:]), [(p, p) for p in options["padding"]])[None, None]
    if (
        conv2d(
            inside,
            np.ones((1, 1, *np.broadcast_to(options["kernel_size"], 2))),
            stride=options["kernel_size"] if options["stride"] is None else options["stride"],
            dilation=dilation,
        ).min()
        == 0
    ):  # a window sees padding only: torch would write out of bounds here
        for function in (max_pool2d, lambda *a, **o: max_pool2d_backward(x, *a, **o)):
            with pytest.raises(ValueError, match="nothing but padding"):
                function(x, dilation=dilation, **options)
        return
    tx = tensor(x)
    expected = F.max_pool2d(tx, dilation=dilation, **options)
    y = max_pool2d(x, dilation=dilation, **options)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    grad_output = rng.standard_normal(y.shape)
    expected.backward(torch.from_numpy(grad_output))
    close(max_pool2d_backward(grad_output, x, dilation=dilation, **options), tx.grad)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(poolings())
def test_average_pooling_and_its_gradient_are_torchs(case):
    x, options, rng = case
    tx = tensor(x)
    expected = F.avg_pool2d(tx, **options)
    y = avg_pool2d(x, **options)
    close(y, expected)
    grad_output = rng.standard_normal(y.shape)
    expected.backward(torch.from_numpy(grad_output))
    close(avg_pool2d_backward(grad_output, x, **options), tx.grad)


def test_of_equal_pixels_the_first_takes_the_gradient():
    gradient = max_pool2d_backward(np.ones((1, 1, 1, 1)), np.zeros((1, 1, 2, 2)), 2)
    np.testing.assert_array_equal(gradient[0, 0], [[1, 0], [0, 0]])


# --- what is refused --------------------------------------------------------------------------------

X = np.zeros((2, 4, 6, 5))
W = np.zeros((6, 4, 3, 3))


@pytest.mark.parametrize("function", [conv2d, conv2d_loops])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], W), r"x has shape \(4, 6, 5\), rank 3"),
        ((X, W[0]), r"weight has shape \(4, 3, 3\)"),
        ((X, np.zeros((6, 4, 3, 7))), "along the width, kernel 7 .* size 5 with padding 0"),
        ((X, np.zeros((6, 4, 7, 3))), "along the height, kernel 7 .* size 6 with padding 0"),
        ((X, W, None, 1, 0, 3), "dilation 3 spans 7 pixels"),
        ((X, W, None, 0), "stride is 0"),
        ((X, W, None, 1, -1), "padding is -1"),
        ((X, W, None, 1, (0, -2)), "along the width, padding is -2"),
        ((X, W, None, 1, 0, 0), "dilation is 0"),
        ((X, W, None, (1, 2, 3)), r"stride is \(1, 2, 3\)"),
        ((X, W, None, 1, 0, 1, 3), "groups 3 must divide the 4 channels of x and the 6"),
        ((X, np.zeros((6, 1, 3, 3)), None, 1, 0, 1, 4), "the 6 kernels"),
        ((X, W, None, 1, 0, 1, 0), "groups 0"),
        ((X, W, None, 1, 0, 1, 2), "4 channels, but weight .* takes 8"),
        ((X, np.zeros((6, 3, 3, 3))), "4 channels, but weight .* takes 3"),
        ((X, W, np.zeros(5)), r"bias has shape \(5,\): give one number a kernel, \(6,\)"),
    ],
)
def test_bad_convolutions_are_refused_with_the_values(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


@pytest.mark.parametrize("function", [conv2d_backward, conv2d_backward_loops])
def test_bad_gradients_are_refused(function):
    with pytest.raises(ValueError, match=r"\(2, 6, 4, 4\), but the output has shape \(2, 6, 4, 3"):
        function(np.zeros((2, 6, 4, 4)), X, W)
    with pytest.raises(ValueError, match="groups 5"):
        function(np.zeros((2, 6, 4, 3)), X, W, groups=5)


@pytest.mark.parametrize(
    "function",
    [
        max_pool2d,
        avg_pool2d,
        lambda *a: max_pool2d_backward(np.zeros((2, 4, 3, 2)), *a),
        lambda *a: avg_pool2d_backward(np.zeros((2, 4, 3, 2)), *a),
    ],
)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X[0], 2), "rank 3"),
        ((X, 7), "kernel 7"),
        ((X, 2, 0), "stride is 0"),
        ((X, 2, 2, -1), "padding is -1"),
        ((X, 3, 1, 2), "padding 2 is more than half of kernel_size 3"),
        ((X, 0), "kernel is 0"),
        ((X, (1, 2, 3)), "kernel_size"),
    ],
)
def test_bad_pooling_is_refused_with_the_values(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_pooling_gradients_of_another_shape_are_refused():
    for function in (max_pool2d_backward, avg_pool2d_backward):
        with pytest.raises(ValueError, match=r"but the output has shape \(2, 4, 3, 2\)"):
            function(np.zeros((2, 4, 3, 3)), X, 2)


def test_settings_are_integers():
    for options in ({"stride": 1.0}, {"padding": True}, {"dilation": "1"}, {"groups": 1.0}):
        with pytest.raises(TypeError, match="integer"):
            conv2d(X, W, **options)
    with pytest.raises(TypeError, match="integer"):
        max_pool2d(X, 2.0)


def test_doctests():
    assert doctest.testmod(convolution).failed == 0


# --- speed ----------------------------------------------------------------------------------------


def test_forward_and_backward_take_at_most_three_and_a_half_times_torchs_time():
    """AlexNet's second layer, one thread, both interleaved in one run."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8, 96, 27, 27), dtype=np.float32)
    weight = rng.standard_normal((256, 96, 5, 5), dtype=np.float32)
    grad_output = rng.standard_normal((8, 256, 27, 27), dtype=np.float32)
    tx, tw, tg = tensor(x), tensor(weight), torch.from_numpy(grad_output)

    def ours():
        conv2d(x, weight, padding=2)
        return conv2d_backward(grad_output, x, weight, padding=2)

    def theirs():
        tx.grad = tw.grad = None
        F.conv2d(tx, tw, padding=2).backward(tg)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    best = {ours: np.inf, theirs: np.inf}
    try:
        with threadpool_limits(1):
            for _ in range(6):
                for function in best:
                    start = time.perf_counter()
                    function()
                    best[function] = min(best[function], time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    ratio = best[ours] / best[theirs]
    assert ratio <= 3.5, f"{ratio:.1f} times torch's {1000 * best[theirs]:.0f} ms"
    grad_x, grad_weight, _ = ours()
    np.testing.assert_allclose(grad_x, tx.grad.numpy(), rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(grad_weight, tw.grad.numpy(), rtol=1e-3, atol=1e-2)
