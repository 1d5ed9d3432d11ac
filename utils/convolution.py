"""Convolution and pooling in NumPy, forward and backward, for batches of images in NCHW.

The functions agree with PyTorch's in values and gradients, over stride, padding, dilation and
groups. :func:`conv2d_loops` and :func:`conv2d_backward_loops` are the ones to read: a sum over a
window, written down. :func:`conv2d` and :func:`conv2d_backward` are the ones to use: they copy all
windows of an image into the columns of a matrix, so that one matrix product does the work
("im2col"), and the input gradient adds the columns back where they came from ("col2im").

As everywhere in deep learning, "convolution" is cross-correlation: the kernel is not flipped.

In all signatures `stride`, `padding` and `dilation` are an int, or a pair (vertical, horizontal).
Integer images are computed in float64; float32 stays float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from utils.arithmetic import output_size

__all__ = [
    "avg_pool2d",
    "avg_pool2d_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_backward_loops",
    "conv2d_loops",
    "max_pool2d",
    "max_pool2d_backward",
]

Pair = int | Sequence[int]


# --- convolution, fast ----------------------------------------------------------------------------


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> np.ndarray:
    """Cross-correlate a batch of images with a bank of kernels.

    y[n, c, i, j] = bias[c] + sum over k, u, v of weight[c, k, u, v] x[n, k, S i + D u - P, S j +
    D v - P], with zeros outside the image and k running over the input channels of c's group.

    Parameters
    ----------
    x : ndarray, shape (N, C_in, H, W)
        Images.
    weight : ndarray, shape (C_out, C_in / groups, K_h, K_w)
        Kernels.
    bias : ndarray, shape (C_out,), optional
        Added to each output channel.
    stride, padding, dilation : int or pair of int
        Step S >= 1, zeros P >= 0 on each side, spacing D >= 1 of the kernel's taps.
    groups : int
        Input and output channels are split into as many groups that do not see one another.

    Returns
    -------
    ndarray, shape (N, C_out, H_out, W_out)
        With the sizes of :func:`utils.arithmetic.output_size`.

    Raises
    ------
    TypeError
        If stride, padding, dilation or groups is not an integer.
    ValueError
        If a rank or a number of channels is wrong, the kernel does not fit into the padded image,
        or a setting is out of range; the message has the values.

    Examples
    --------
    >>> image = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> conv2d(image, np.array([[[[-1.0, 1.0]]]]))[0, 0, 0]
    array([1., 1., 1.])
    """
    x, weight, bias, geometry = _checked(x, weight, bias, stride, padding, dilation, groups)
    columns = _columns(_padded(x, geometry.padding), geometry)
    y = _kernel_matrix(weight, groups) @ columns
    y = y.reshape(len(x), len(weight), *geometry.out)
    return y if bias is None else y + bias[:, None, None]


def conv2d_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of a loss with respect to a convolution's input, kernels and bias.

    Each kernel weight is used at every place of every image; its gradient is the SUM over these
    uses, not their mean.

    Parameters
    ----------
    grad_output : ndarray, shape (N, C_out, H_out, W_out)
        Gradient with respect to the output of ``conv2d(x, weight, bias, ...)``.
    x, weight, stride, padding, dilation, groups
        As given to :func:`conv2d`.

    Returns
    -------
    grad_x : ndarray, shape of `x`
    grad_weight : ndarray, shape of `weight`
    grad_bias : ndarray, shape (C_out,)

    Raises
    ------
    TypeError, ValueError
        As :func:`conv2d`; ValueError also if `grad_output` does not have the output's shape.

    Notes
    -----
    LeCun et al. (1998), section II-C: the partial derivatives of all connections that share a
    parameter are added.
    """
    x, weight, _, geometry = _checked(x, weight, None, stride, padding, dilation, groups)
    grad_output = _gradient(grad_output, (len(x), len(weight), *geometry.out))
    kernel_matrix = _kernel_matrix(weight, groups)
    padded = _padded(x, geometry.padding)
    columns = _columns(padded, geometry)
    grad_rows = grad_output.reshape(len(x), *kernel_matrix.shape[:2], columns.shape[-1])

    grad_weight = (grad_rows @ columns.swapaxes(-1, -2)).sum(axis=0).reshape(weight.shape)
    grad_columns = kernel_matrix.swapaxes(-1, -2) @ grad_rows
    grad_taps = grad_columns.reshape(*x.shape[:2], *weight.shape[2:], *geometry.out)
    grad_padded = np.zeros(padded.shape, dtype=grad_taps.dtype)
    for u, v, window in _taps(grad_padded, geometry):
        window += grad_taps[:, :, u, v]
    return (
        _without_padding(grad_padded, geometry.padding),
        grad_weight,
        grad_output.sum(axis=(0, 2, 3)),
    )


# --- convolution, to read -------------------------------------------------------------------------


def conv2d_loops(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> np.ndarray:
    """The same as :func:`conv2d`, as the definition reads: slide, multiply, add.

    Thousands of times slower. Parameters, result and errors as for :func:`conv2d`.
    """
    x, weight, bias, geometry = _checked(x, weight, bias, stride, padding, dilation, groups)
    padded = _padded(x, geometry.padding)
    y = np.zeros((len(x), len(weight), *geometry.out), dtype=padded.dtype)
    for n, c, i, j in np.ndindex(y.shape):
        channels = _channels_of(c, weight, groups)
        rows, columns = _window(i, j, geometry)
        patch = padded[n, channels, rows, columns]
        y[n, c, i, j] = (weight[c] * patch).sum()
        if bias is not None:
            y[n, c, i, j] += bias[c]
    return y


def conv2d_backward_loops(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same as :func:`conv2d_backward`, as the chain rule reads: each output tells its window.

    Every output value hands its gradient back to the pixels it saw (times the weight that saw
    them) and to the weights it used (times the pixel they saw).
    """
    x, weight, _, geometry = _checked(x, weight, None, stride, padding, dilation, groups)
    grad_output = _gradient(grad_output, (len(x), len(weight), *geometry.out))
    padded = _padded(x, geometry.padding)
    grad_padded = np.zeros_like(padded)
    grad_weight = np.zeros_like(weight)
    grad_bias = np.zeros(len(weight), dtype=weight.dtype)
    for n, c, i, j in np.ndindex(grad_output.shape):
        channels = _channels_of(c, weight, groups)
        rows, columns = _window(i, j, geometry)
        grad = grad_output[n, c, i, j]
        grad_padded[n, channels, rows, columns] += grad * weight[c]
        grad_weight[c] += grad * padded[n, channels, rows, columns]
        grad_bias[c] += grad
    return _without_padding(grad_padded, geometry.padding), grad_weight, grad_bias


def _channels_of(c: int, weight: np.ndarray, groups: int) -> slice:
    """Input channels that output channel `c` sees."""
    per_group = weight.shape[1]
    first = c // (len(weight) // groups) * per_group
    return slice(first, first + per_group)


def _window(i: int, j: int, geometry: _Geometry) -> tuple[slice, slice]:
    """Rows and columns of the padded image under the kernel at output (i, j)."""
    return tuple(
        slice(position * s, position * s + d * (k - 1) + 1, d)
        for position, s, d, k in zip(
            (i, j), geometry.stride, geometry.dilation, geometry.kernel, strict=True
        )
    )


# --- pooling --------------------------------------------------------------------------------------


def max_pool2d(
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> np.ndarray:
    """Largest value of each window.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
    kernel_size : int or pair of int
        Height and width of the window.
    stride : int or pair of int, optional
        Step; the window's size without it, so that windows tile the image.
    padding : int or pair of int
        At most half the window; the padding is never the largest value.
    dilation : int or pair of int
        Spacing of the window's pixels.

    Returns
    -------
    ndarray, shape (N, C, H_out, W_out)

    Raises
    ------
    TypeError
        If a setting is not an integer.
    ValueError
        If the rank is wrong, the window does not fit, or a setting is out of range.
    """
    x, geometry = _checked_pool(x, kernel_size, stride, padding, dilation)
    padded = _padded(x, geometry.padding, value=-np.inf)
    largest = np.full((*x.shape[:2], *geometry.out), -np.inf, dtype=x.dtype)
    for _, _, window in _taps(padded, geometry):
        np.maximum(largest, window, out=largest)
    return largest


def max_pool2d_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> np.ndarray:
    """Gradient with respect to max pooling's input: all to the largest pixel of each window.

    Where several pixels are equally large the first takes it, in reading order, as in PyTorch.

    Parameters
    ----------
    grad_output : ndarray, shape (N, C, H_out, W_out)
    x, kernel_size, stride, padding, dilation
        As given to :func:`max_pool2d`.

    Returns
    -------
    ndarray, shape of `x`

    Raises
    ------
    TypeError, ValueError
        As :func:`max_pool2d`; ValueError also if `grad_output` does not have the output's shape,
        or `x` holds NaN.
    """
    largest = max_pool2d(x, kernel_size, stride, padding, dilation)
    if np.isnan(largest).any():
        raise ValueError("x holds NaN, so a window has no largest pixel: look where NaN came in")
    x, geometry = _checked_pool(x, kernel_size, stride, padding, dilation)
    grad_output = _gradient(grad_output, largest.shape)
    padded = _padded(x, geometry.padding, value=-np.inf)
    grad_padded = np.zeros_like(padded, dtype=np.result_type(x, grad_output))
    open_windows = np.ones(largest.shape, dtype=bool)
    for (_, _, window), (_, _, grad_window) in zip(
        _taps(padded, geometry), _taps(grad_padded, geometry), strict=True
    ):
        winners = open_windows & (window == largest)
        grad_window += np.where(winners, grad_output, 0)
        open_windows &= ~winners
    return _without_padding(grad_padded, geometry.padding)


def avg_pool2d(
    x: np.ndarray, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0
) -> np.ndarray:
    """Mean of each window, the zeros of the padding included.

    Parameters
    ----------
    x : ndarray, shape (N, C, H, W)
    kernel_size, stride, padding : int or pair of int
        As for :func:`max_pool2d`.

    Returns
    -------
    ndarray, shape (N, C, H_out, W_out)

    Raises
    ------
    TypeError
        If a setting is not an integer.
    ValueError
        If the rank is wrong, the window does not fit, or a setting is out of range.
    """
    x, geometry = _checked_pool(x, kernel_size, stride, padding, 1)
    total = np.zeros((*x.shape[:2], *geometry.out), dtype=x.dtype)
    for _, _, window in _taps(_padded(x, geometry.padding), geometry):
        total += window
    return total / np.prod(geometry.kernel).astype(x.dtype)


def avg_pool2d_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
) -> np.ndarray:
    """Gradient with respect to average pooling's input: an equal share to each pixel of a window.

    Parameters
    ----------
    grad_output : ndarray, shape (N, C, H_out, W_out)
    x, kernel_size, stride, padding
        As given to :func:`avg_pool2d`.

    Returns
    -------
    ndarray, shape of `x`

    Raises
    ------
    TypeError, ValueError
        As :func:`avg_pool2d`; ValueError also if `grad_output` does not have the output's shape.
    """
    x, geometry = _checked_pool(x, kernel_size, stride, padding, 1)
    grad_output = _gradient(grad_output, (*x.shape[:2], *geometry.out))
    share = grad_output / np.prod(geometry.kernel).astype(grad_output.dtype)
    grad_padded = np.zeros_like(_padded(x, geometry.padding), dtype=share.dtype)
    for _, _, window in _taps(grad_padded, geometry):
        window += share
    return _without_padding(grad_padded, geometry.padding)


# --- windows --------------------------------------------------------------------------------------


class _Geometry(NamedTuple):
    """Vertical and horizontal numbers of a sliding window."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    out: tuple[int, int]


def _columns(padded: np.ndarray, geometry: _Geometry) -> np.ndarray:
    """All windows as columns: shape (N, groups, C_in / groups * K_h * K_w, H_out * W_out)."""
    n, channels = padded.shape[:2]
    span = [d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.kernel, strict=True)]
    windows = sliding_window_view(padded, span, axis=(2, 3))
    (down, right), (dilate_down, dilate_right) = geometry.stride, geometry.dilation
    windows = windows[:, :, ::down, ::right, ::dilate_down, ::dilate_right]
    columns = windows.transpose(0, 1, 4, 5, 2, 3)  # N, C_in, K_h, K_w, H_out, W_out: still a view
    rows = channels // geometry.groups * geometry.kernel[0] * geometry.kernel[1]
    return columns.reshape(n, geometry.groups, rows, geometry.out[0] * geometry.out[1])


def _kernel_matrix(weight: np.ndarray, groups: int) -> np.ndarray:
    """Kernels as rows: shape (groups, C_out / groups, C_in / groups * K_h * K_w)."""
    return weight.reshape(groups, len(weight) // groups, -1)


def _taps(padded: np.ndarray, geometry: _Geometry) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each tap (u, v) of the window, in reading order, what it sees at all places: a view."""
    (down, right), (dilate_down, dilate_right) = geometry.stride, geometry.dilation
    height, width = geometry.out
    for u in range(geometry.kernel[0]):
        for v in range(geometry.kernel[1]):
            top, left = u * dilate_down, v * dilate_right
            rows = slice(top, top + (height - 1) * down + 1, down)
            columns = slice(left, left + (width - 1) * right + 1, right)
            yield u, v, padded[:, :, rows, columns]


def _padded(x: np.ndarray, padding: tuple[int, int], value: float = 0.0) -> np.ndarray:
    if padding == (0, 0):
        return x
    vertical, horizontal = padding
    widths = ((0, 0), (0, 0), (vertical, vertical), (horizontal, horizontal))
    return np.pad(x, widths, constant_values=value)


def _without_padding(padded: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    vertical, horizontal = padding
    height, width = padded.shape[2:]
    return padded[:, :, vertical : height - vertical, horizontal : width - horizontal]


# --- checks at the border ---------------------------------------------------------------------------


def _checked(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, _Geometry]:
    x = _images(x)
    weight = _floating(weight)
    if weight.ndim != 4:
        raise ValueError(
            f"weight has shape {weight.shape}: give (C_out, C_in / groups, K_h, K_w), rank 4"
        )
    if isinstance(groups, bool) or not isinstance(groups, (int, np.integer)):
        raise TypeError(f"groups is {groups!r}: give an integer >= 1")
    out_channels, per_group = weight.shape[:2]
    in_channels = x.shape[1]
    if groups < 1 or in_channels % groups or out_channels % groups or not out_channels:
        raise ValueError(
            f"groups {groups} must divide the {in_channels} channels of x and the {out_channels} "
            "kernels of weight"
        )
    if per_group * groups != in_channels:
        raise ValueError(
            f"x has {in_channels} channels, but weight of shape {weight.shape} with groups "
            f"{groups} takes {per_group * groups}"
        )
    if bias is not None:
        bias = _floating(bias)
        if bias.shape != (out_channels,):
            raise ValueError(
                f"bias has shape {bias.shape}: give one number a kernel, ({out_channels},)"
            )
    geometry = _geometry(x, weight.shape[2:], stride, padding, dilation, int(groups))
    common = np.result_type(x, weight) if bias is None else np.result_type(x, weight, bias)
    return (
        x.astype(common, copy=False),
        weight.astype(common, copy=False),
        bias if bias is None else bias.astype(common, copy=False),
        geometry,
    )


def _checked_pool(
    x: np.ndarray, kernel_size: Pair, stride: Pair | None, padding: Pair, dilation: Pair
) -> tuple[np.ndarray, _Geometry]:
    x = _images(x)
    kernel = _pair("kernel_size", kernel_size)
    stride = kernel if stride is None else stride
    geometry = _geometry(x, kernel, stride, padding, dilation, 1)
    for axis, (k, p) in enumerate(zip(geometry.kernel, geometry.padding, strict=True)):
        if 2 * p > k:
            raise ValueError(
                f"padding {padding} is more than half of kernel_size {kernel_size}: the outermost "
                "windows would see hardly any of the image"
            )
        starts = np.arange(geometry.out[axis]) * geometry.stride[axis] - p
        seen = starts[:, None] + np.arange(k) * geometry.dilation[axis]
        if not ((seen >= 0) & (seen < x.shape[2 + axis])).any(axis=1).all():
            raise ValueError(
                f"with kernel_size {kernel_size}, padding {padding} and dilation {dilation} a "
                f"window on an image of shape {x.shape[2:]} would see nothing but padding"
            )
    return x, geometry


def _geometry(
    x: np.ndarray,
    kernel: Sequence[int],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> _Geometry:
    settings = {
        "stride": _pair("stride", stride),
        "padding": _pair("padding", padding),
        "dilation": _pair("dilation", dilation),
    }
    out = []
    for axis, name in enumerate(("height", "width")):
        numbers = {key: pair[axis] for key, pair in settings.items()}
        try:
            out.append(output_size(x.shape[2 + axis], kernel[axis], **numbers))
        except (TypeError, ValueError) as error:
            raise type(error)(f"along the {name}, {error}") from None
    return _Geometry(
        kernel=tuple(map(int, kernel)),
        **{key: tuple(map(int, pair)) for key, pair in settings.items()},
        groups=groups,
        out=tuple(out),
    )


def _pair(name: str, value: Pair) -> tuple[int, int]:
    if isinstance(value, (tuple, list, np.ndarray)):
        if len(value) != 2:
            raise ValueError(f"{name} is {value!r}: give one number or (vertical, horizontal)")
        return tuple(value)
    return (value, value)


def _images(x: np.ndarray) -> np.ndarray:
    x = _floating(x)
    if x.ndim != 4:
        raise ValueError(
            f"x has shape {x.shape}, rank {x.ndim}: give images as (N, C, H, W), rank 4"
        )
    return x


def _gradient(grad_output: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    grad_output = _floating(grad_output)
    if grad_output.shape != shape:
        raise ValueError(
            f"grad_output has shape {grad_output.shape}, but the output has shape {shape}"
        )
    return grad_output


def _floating(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)
