"""Sizes, receptive fields, parameters, multiply-adds and connections of convolutional networks.

Two halves. The first needs nothing but integers: the length of a convolution's output, of a
transposed convolution's, the padding that keeps a size, the receptive field of a stack. The second
counts what a ``torch.nn.Module`` really is, by running it once on torch's meta device, where
tensors have shapes and no memory: VGG-16 costs milliseconds and not one weight is copied.

A multiply-add (MAC) is one multiplication and the addition that follows it; many papers count two
operations for it. As is usual, only convolutions and dense layers are charged: normalisation,
pooling and activations count zero. Everything is counted for ONE example.

A connection is one link into a unit, its bias included, as LeCun et al. (1998) count them; sharing
weights saves parameters, not connections.

Layers of one's own
-------------------
A module that multiplies its own parameters cannot be counted from outside. It says itself how much
it does, with either or both of these methods (shapes without the batch axis); its children are then
not listed separately::

    def count_macs(self, input_shape: tuple, output_shape: tuple) -> int: ...
    def count_connections(self, input_shape: tuple, output_shape: tuple) -> int: ...
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from utils.arguments import integer

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = [
    "Layer",
    "LayerRow",
    "LayerTable",
    "ReceptiveField",
    "count_connections",
    "count_macs",
    "count_parameters",
    "layer_table",
    "output_size",
    "receptive_field",
    "same_padding",
    "transposed_output_size",
]


# --- sizes ------------------------------------------------------------------------------------


def output_size(
    size: int,
    kernel: int,
    padding: int = 0,
    stride: int = 1,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
) -> int:
    """Length of a convolution's (or pooling's) output along one axis.

    Parameters
    ----------
    size, kernel : int
        Input length W and kernel length K, in pixels, both >= 1.
    padding, stride, dilation : int
        P >= 0 zeros on each side, step S >= 1, spacing D >= 1 between kernel taps.
    ceil_mode : bool
        Round up instead of down, as some pooling layers do. As in PyTorch, a last window that
        would start in the padding on the right is dropped.

    Returns
    -------
    int
        O = floor((W + 2P - D(K - 1) - 1) / S) + 1.

    Raises
    ------
    TypeError
        If an argument is not an integer (booleans are refused too).
    ValueError
        If an argument is out of range or the dilated kernel does not fit into the padded input.

    Notes
    -----
    Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning", section 5.1.

    Examples
    --------
    >>> output_size(28, kernel=5)
    24
    >>> output_size(227, kernel=11, stride=4)
    55
    """
    size = integer("size", size, at_least=1)
    kernel = integer("kernel", kernel, at_least=1)
    padding = integer("padding", padding, at_least=0)
    stride = integer("stride", stride, at_least=1)
    dilation = integer("dilation", dilation, at_least=1)
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    if room < 0:
        raise ValueError(
            f"kernel {kernel} with dilation {dilation} spans {span} pixels, but size {size} with "
            f"padding {padding} on each side has only {size + 2 * padding}: use a smaller kernel, "
            "less dilation or more padding"
        )
    if not ceil_mode:
        return room // stride + 1
    length = -(-room // stride) + 1
    if (length - 1) * stride >= size + padding:
        length -= 1
    return length


def transposed_output_size(
    size: int,
    kernel: int,
    padding: int = 0,
    stride: int = 1,
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """Length of a transposed convolution's output along one axis.

    Parameters
    ----------
    size, kernel : int
        Input length I and kernel length K, in pixels, both >= 1.
    padding, stride, dilation : int
        P >= 0, S >= 1, D >= 1 of the convolution whose input gradient this operation is.
    output_padding : int
        0 <= OP < max(S, D): which of the S input lengths that the convolution maps to I is meant.

    Returns
    -------
    int
        O = (I - 1)S - 2P + D(K - 1) + OP + 1.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of range or the output would be empty.

    Notes
    -----
    Dumoulin and Visin (2016), section 5.2.

    Examples
    --------
    >>> transposed_output_size(14, kernel=2, stride=2)
    28
    """
    size = integer("size", size, at_least=1)
    kernel = integer("kernel", kernel, at_least=1)
    padding = integer("padding", padding, at_least=0)
    stride = integer("stride", stride, at_least=1)
    dilation = integer("dilation", dilation, at_least=1)
    output_padding = integer("output_padding", output_padding, at_least=0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding {output_padding} must be smaller than stride {stride} or dilation "
            f"{dilation}: at most {max(stride, dilation) - 1} here"
        )
    length = (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    if length < 1:
        raise ValueError(
            f"size {size}, kernel {kernel}, padding {padding}, stride {stride}, dilation "
            f"{dilation} and output_padding {output_padding} leave an output of {length} pixels: "
            "use less padding or a larger kernel"
        )
    return length


def same_padding(kernel: int, dilation: int = 1) -> int:
    """Zeros on each side that make a stride-1 convolution keep its input's size.

    Parameters
    ----------
    kernel, dilation : int
        Kernel length K >= 1 and spacing D >= 1 of its taps.

    Returns
    -------
    int
        P = D(K - 1) / 2.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If an argument is out of range, or the dilated kernel spans an even number of pixels, so
        that only asymmetric padding keeps the size.

    Examples
    --------
    >>> same_padding(5), same_padding(3, dilation=4)
    (2, 4)
    """
    kernel = integer("kernel", kernel, at_least=1)
    dilation = integer("dilation", dilation, at_least=1)
    total = dilation * (kernel - 1)
    if total % 2:
        raise ValueError(
            f"kernel {kernel} with dilation {dilation} spans {total + 1} pixels, an even number: "
            f"keeping the size takes asymmetric padding, {total // 2} on one side and "
            f"{total - total // 2} on the other; pad with torch.nn.functional.pad or choose an "
            "odd kernel"
        )
    return total // 2


# --- receptive fields -------------------------------------------------------------------------


class Layer(NamedTuple):
    """What a receptive field needs to know about a convolution or pooling layer, along one axis."""

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """What one unit of a layer sees of the input, along one axis, in pixels.

    Attributes
    ----------
    field : int
        How many input pixels the unit can depend on.
    jump : int
        By how many pixels the field moves from a unit to its neighbour.
    start : float
        Centre of the first unit's field; the centre of input pixel 0 lies at 0.5.
    """

    field: int
    jump: int
    start: float


def receptive_field(layers: Iterable[Sequence[int]]) -> list[ReceptiveField]:
    """Receptive fields of a stack of convolution and pooling layers.

    Parameters
    ----------
    layers : iterable of Layer or tuple
        From the input upwards, each ``(kernel, stride[, padding[, dilation]])``.

    Returns
    -------
    list of ReceptiveField
        One a layer: field, jump and start, by the recursion
        r_l = r_{l-1} + D(K - 1) j_{l-1}, j_l = j_{l-1} S and
        start_l = start_{l-1} + (D(K - 1)/2 - P) j_{l-1}, from r_0 = j_0 = 1 and start_0 = 0.5.

    Raises
    ------
    TypeError
        If a number is not an integer.
    ValueError
        If a layer has fewer than two or more than four numbers, or one is out of range.

    Examples
    --------
    Two 3x3 convolutions see as much as one 5x5:

    >>> receptive_field([(3, 1), (3, 1)])[-1].field
    5
    """
    field, jump, start = 1, 1, 0.5
    fields = []
    for position, numbers in enumerate(layers, start=1):
        if not 2 <= len(numbers) <= 4:
            raise ValueError(
                f"layer {position} is {tuple(numbers)}: write "
                "(kernel, stride[, padding[, dilation]])"
            )
        layer = Layer(*numbers)
        kernel = integer(f"kernel of layer {position}", layer.kernel, at_least=1)
        stride = integer(f"stride of layer {position}", layer.stride, at_least=1)
        padding = integer(f"padding of layer {position}", layer.padding, at_least=0)
        dilation = integer(f"dilation of layer {position}", layer.dilation, at_least=1)
        reach = dilation * (kernel - 1)
        field += reach * jump
        start += (reach / 2 - padding) * jump
        jump *= stride
        fields.append(ReceptiveField(field, jump, start))
    return fields


# --- counting modules -------------------------------------------------------------------------


class LayerRow(NamedTuple):
    """One call of one layer.

    Attributes
    ----------
    name : str
        Name inside the model, as ``model.get_submodule`` takes it; "" for the model itself.
    kind : str
        The module's class.
    output_shape : tuple of int or None
        Shape of the output without the batch axis; None for a layer that never ran.
    parameters : int
        Parameters of this layer that no row above has counted: a layer used twice, or a weight
        shared by two layers, is learned once.
    macs, connections : int or None
        For one example; None where the layer does arithmetic of its own and does not say how much.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int
    macs: int | None
    connections: int | None

    @property
    def activations(self) -> int:
        """Numbers in the output, for one example."""
        return 0 if self.output_shape is None else math.prod(self.output_shape)


class Totals(NamedTuple):
    """Sums over a table; None where a layer does not say."""

    parameters: int
    macs: int | None
    connections: int | None


_HEADINGS = {
    "activations": "activations",
    "parameters": "parameters",
    "macs": "MACs",
    "connections": "connections",
}


@dataclass(frozen=True)
class LayerTable:
    """Layers in the order in which they ran; prints as text, shows as HTML in a notebook.

    Attributes
    ----------
    model : str
        Class of the model.
    input_shape : tuple of int
        Without the batch axis.
    rows : tuple of LayerRow
    columns : tuple of str
        The counts that are shown, of "activations", "parameters", "macs" and "connections".
    """

    model: str
    input_shape: tuple[int, ...]
    rows: tuple[LayerRow, ...]
    columns: tuple[str, ...] = ("parameters", "macs")

    @property
    def totals(self) -> Totals:
        """Parameters, MACs and connections of the whole model, for one example."""
        return Totals(
            sum(row.parameters for row in self.rows),
            _sum(row.macs for row in self.rows),
            _sum(row.connections for row in self.rows),
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, key: str | int) -> LayerRow:
        """Row by position, or the first row of the layer with that name."""
        if isinstance(key, str):
            for row in self.rows:
                if row.name == key:
                    return row
            names = ", ".join(dict.fromkeys(row.name for row in self.rows))
            raise KeyError(f"no layer {key!r} in this {self.model}; it has {names}")
        return self.rows[key]

    def learned(self) -> LayerTable:
        """Only the layers that have parameters or do MACs (the totals stay the same)."""
        return replace(self, rows=tuple(r for r in self.rows if r.parameters or r.macs != 0))

    def show(self, *columns: str) -> LayerTable:
        """The same table with other counts in its columns.

        Raises
        ------
        ValueError
            If a column is none of "activations", "parameters", "macs", "connections".

        >>> from torch import nn
        >>> print(layer_table(nn.Linear(4, 3), (4,)).show("connections", "parameters"))
        Linear on an input of 4
        ------------------------------------------------
        layer    kind    output  connections  parameters
        ------------------------------------------------
        (model)  Linear       3           15          15
        ------------------------------------------------
        total                             15          15
        """
        unknown = [column for column in columns if column not in _HEADINGS]
        if unknown or not columns:
            raise ValueError(
                f"columns {columns} are not all among {', '.join(_HEADINGS)}: name some"
            )
        return replace(self, columns=columns)

    def grouped(self, depth: int = 1) -> LayerTable:
        """Neighbouring rows whose names begin with the same `depth` parts, summed into one row.

        ``layer_table(resnet34(), (3, 224, 224)).grouped()`` has one row a stage; a group's output
        shape is its last layer's.
        """
        depth = integer("depth", depth, at_least=1)
        groups: list[list[LayerRow]] = []
        for row in self.rows:
            prefix = row.name.split(".")[:depth]
            if groups and groups[-1][0].name.split(".")[:depth] == prefix:
                groups[-1].append(row)
            else:
                groups.append([row])
        return replace(self, rows=tuple(_merged(group, depth) for group in groups))

    @property
    def caption(self) -> str:
        """What the table is a table of."""
        return f"{self.model} on an input of {_shape(self.input_shape)}"

    def _cells(self) -> tuple[list[str], list[list[str]], list[str]]:
        head = ["layer", "kind", "output", *(_HEADINGS[column] for column in self.columns)]
        body = [
            [
                row.name or "(model)",
                row.kind,
                "not run" if row.output_shape is None else _shape(row.output_shape),
                *(_count(getattr(row, column)) for column in self.columns),
            ]
            for row in self.rows
        ]
        totals = [_sum(getattr(row, column) for row in self.rows) for column in self.columns]
        return head, body, ["total", "", "", *map(_count, totals)]

    def __str__(self) -> str:
        head, body, foot = self._cells()
        lines = [head, *body, foot]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))

        def aligned(line: list[str]) -> str:
            left = [cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)]
            right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
            return "  ".join(left + right)

        return "\n".join(
            [self.caption, rule, aligned(head), rule, *map(aligned, body), rule, aligned(foot)]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, body, foot = self._cells()

        def cell(tag: str, text: str, column: int, scope: str = "") -> str:
            side = "left" if column < 2 else "right"
            scope = f' scope="{scope}"' if scope else ""
            return f'<{tag}{scope} style="text-align:{side}">{escape(text)}</{tag}>'

        def line(cells: list[str]) -> str:
            rest = "".join(cell("td", text, i) for i, text in enumerate(cells[1:], start=1))
            return f"<tr>{cell('th', cells[0], 0, 'row')}{rest}</tr>"

        titles = "".join(cell("th", text, i, "col") for i, text in enumerate(head))
        return "\n".join(
            [
                '<table class="layer-table">',
                f"<caption>{escape(self.caption)}</caption>",
                f"<thead><tr>{titles}</tr></thead>",
                "<tbody>",
                *map(line, body),
                "</tbody>",
                f"<tfoot>{line(foot)}</tfoot>",
                "</table>",
            ]
        )


def count_parameters(model: nn.Module, trainable_only: bool = False) -> int:
    """Number of parameters of a model; one shared by two layers counts once, buffers never.

    Parameters
    ----------
    model : torch.nn.Module
    trainable_only : bool
        Count only those with ``requires_grad``.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `model` has no parameters to ask for, because it is no module.

    Examples
    --------
    >>> from torch import nn
    >>> count_parameters(nn.Conv2d(1, 1, kernel_size=5))
    26
    """
    _module(model)
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)


def count_macs(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds of a model for one example: convolutions and dense layers.

    Parameters
    ----------
    model : torch.nn.Module
        Counted as it stands in evaluation mode (dropout and auxiliary heads off).
    input_shape : sequence of int
        (C, H, W) of one example, or (N, C, H, W); the batch does not change the count.

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `model` is no module.
    ValueError
        If the model does not take an input of this shape, or a layer does arithmetic of its own
        and has no method ``count_macs`` (see the module's documentation).

    Examples
    --------
    >>> from torch import nn
    >>> count_macs(nn.Conv2d(3, 5, kernel_size=5, padding=2), (3, 128, 128))
    6144000
    """
    return _total(layer_table(model, input_shape), "macs")


def count_connections(model: nn.Module, input_shape: Sequence[int]) -> int:
    """Links into all units of a model for one example, biases included.

    A convolution has as many for each output as its fan-in plus its bias, also over padding (the
    border is made of units that hold a constant); a pooling unit has one a pixel of its window;
    activations and normalisation act inside a unit and have none.

    Parameters
    ----------
    model : torch.nn.Module
    input_shape : sequence of int
        (C, H, W) of one example, or (N, C, H, W).

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If `model` is no module.
    ValueError
        If the model does not take an input of this shape, or a layer does arithmetic of its own
        and has no method ``count_connections``.

    Notes
    -----
    The way of counting is LeCun et al. (1998), section II-B.

    Examples
    --------
    The first layer of LeNet-5:

    >>> from torch import nn
    >>> count_connections(nn.Conv2d(1, 6, kernel_size=5), (1, 32, 32))
    122304
    """
    return _total(layer_table(model, input_shape), "connections")


def layer_table(model: nn.Module, input_shape: Sequence[int]) -> LayerTable:
    """Table of a model's layers: name, kind, output shape, parameters, MACs.

    The model runs once, in evaluation mode, as a copy without memory on the meta device; the model
    itself is not touched. A row stands for one call of one module without children (or with
    ``count_macs`` or ``count_connections`` of its own); a module called twice has two rows and
    its parameters stand in the first. Functions called in ``forward`` (``F.relu``, ``x + y``)
    leave no row. Modules with parameters that did not run (auxiliary heads) stand at the end,
    marked "not run".

    Parameters
    ----------
    model : torch.nn.Module
    input_shape : sequence of int
        (C, H, W) of one example, or (N, C, H, W); (features,) or (N, features) for a net that
        begins with a dense layer.

    Returns
    -------
    LayerTable

    Raises
    ------
    TypeError
        If `model` is no module or a length no integer.
    ValueError
        If the model does not take an input of this shape.
    """
    import torch

    _module(model)
    shape = tuple(integer("a length of input_shape", n, at_least=1) for n in input_shape)
    example = _without_batch(model, shape)
    ghost = _meta_copy(model)
    rows: list[LayerRow] = []
    counted: set[int] = set()
    handles = []
    inside: list[str] = []  # the modules with a count of their own that are running now

    def fresh_parameters(module: nn.Module, recurse: bool) -> int:
        total = 0
        for parameter in module.parameters(recurse=recurse):
            if id(parameter) not in counted:
                counted.add(id(parameter))
                total += parameter.numel()
        return total

    def watch(name: str, module: nn.Module) -> None:
        sealed = hasattr(module, "count_macs") or hasattr(module, "count_connections")
        leaf = sealed or not any(module.children())
        if isinstance(module, (torch.nn.Sequential, torch.nn.ModuleList)) and not sealed:
            return
        if not leaf and not any(True for _ in module.parameters(recurse=False)):
            return

        def enter(module, args):
            inside.append(name)

        def leave(module, args, kwargs, output):
            if sealed:
                inside.pop()
            if inside:
                return
            before = _example_shape((args, kwargs))
            after = _example_shape(output)
            rows.append(
                LayerRow(
                    name,
                    type(module).__name__,
                    after,
                    fresh_parameters(module, recurse=leaf),
                    _macs(module, before, after),
                    _connections(module, before, after),
                )
            )

        if sealed:
            handles.append(module.register_forward_pre_hook(enter))
        handles.append(module.register_forward_hook(leave, with_kwargs=True))

    for name, module in ghost.named_modules():
        watch(name, module)
    dtype = next((p.dtype for p in ghost.parameters() if p.is_floating_point()), torch.float32)
    try:
        with torch.no_grad(), torch.device("meta"):
            ghost(torch.empty((1, *example), dtype=dtype, device="meta"))
    except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise ValueError(
            f"{type(model).__name__} does not run on one example of shape {example}: {first_line}"
        ) from error
    finally:
        for handle in handles:
            handle.remove()

    for name, module in ghost.named_modules():
        own = fresh_parameters(module, recurse=False)
        if own:
            rows.append(LayerRow(name, type(module).__name__, None, own, 0, 0))
    return LayerTable(type(model).__name__, example, tuple(rows))


# --- what a layer does --------------------------------------------------------------------------


def _macs(module: nn.Module, before: tuple, after: tuple) -> int | None:
    """MACs of one call for one example; None if unknown."""
    from torch import nn

    if hasattr(module, "count_macs"):
        return int(module.count_macs(before, after))
    if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        return math.prod(before) * module.weight[0].numel()
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return math.prod(after) * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return math.prod(after) * module.in_features
    if isinstance(module, nn.Bilinear):
        return math.prod(after) * module.in1_features * (module.in2_features + 1)
    # A table or a matrix of weights somewhere inside: it multiplies, we cannot know how often.
    # Vectors (normalisation, PReLU, a scale) act pixel by pixel and are not charged.
    if isinstance(module, nn.Embedding):
        return 0
    return None if any(p.ndim >= 2 for p in module.parameters(recurse=False)) else 0


def _connections(module: nn.Module, before: tuple, after: tuple) -> int | None:
    """Links of one call for one example, biases included; None if unknown."""
    from torch import nn

    if hasattr(module, "count_connections"):
        return int(module.count_connections(before, after))
    if isinstance(module, _pools()):
        dimensions = int(type(module).__name__[-2])
        window = module.kernel_size
        window = (window,) * dimensions if isinstance(window, int) else tuple(window)
        return math.prod(after) * math.prod(window)
    if isinstance(module, _adaptive_pools()):
        dimensions = int(type(module).__name__[-2])
        links = math.prod(after[:-dimensions])
        for length, pieces in zip(before[-dimensions:], after[-dimensions:], strict=True):
            links *= sum(
                -(-(piece + 1) * length // pieces) - piece * length // pieces
                for piece in range(pieces)
            )
        return links
    if isinstance(
        module,
        (nn.Conv1d, nn.Conv2d, nn.Conv3d)
        + (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
        + (nn.Linear,),
    ):
        bias = 0 if module.bias is None else math.prod(after)
        return _macs(module, before, after) + bias
    return None if _macs(module, before, after) is None or hasattr(module, "count_macs") else 0


def _pools() -> tuple[type, ...]:
    from torch import nn

    return (
        *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
        *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    )


def _adaptive_pools() -> tuple[type, ...]:
    from torch import nn

    return (
        *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
        *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    )


# --- helpers of this file -----------------------------------------------------------------------


def _module(model: Any) -> None:
    if not callable(getattr(model, "named_modules", None)):
        raise TypeError(f"model is {model!r}: give a torch.nn.Module")


def _without_batch(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of one example, whether or not the batch axis was given.

    The first convolution tells how many spatial axes there are; a net that begins with a dense
    layer takes vectors, or images that it flattens itself.
    """
    from torch import nn

    spatial = 2 if len(shape) > 2 else 0
    for module in model.modules():
        if isinstance(module, nn.modules.conv._ConvNd):
            spatial = len(module.kernel_size)
            break
        if isinstance(module, nn.Linear):
            break
    if len(shape) == spatial + 1:
        return shape
    if len(shape) == spatial + 2:
        return shape[1:]
    axes = {0: "features", 1: "C, L", 2: "C, H, W", 3: "C, D, H, W"}[spatial]
    raise ValueError(
        f"input_shape {shape} has {len(shape)} axes: give ({axes}) of one example, or (N, {axes})"
    )


def _meta_copy(model: nn.Module) -> nn.Module:
    """A copy whose tensors all lie on the meta device; no weight is duplicated on the way."""
    import copy

    import torch

    memo: dict[int, Any] = {}

    def ghost(tensor: torch.Tensor) -> torch.Tensor:
        empty = torch.empty_like(tensor, device="meta", requires_grad=False)
        if isinstance(tensor, torch.nn.Parameter):
            return torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
        return empty

    def visit(value: Any) -> None:
        if isinstance(value, torch.Tensor):
            if id(value) not in memo:
                memo[id(value)] = ghost(value)
        elif isinstance(value, dict):
            for item in value.values():
                visit(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                visit(item)

    for name, parameter in model.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise ValueError(
                f"{name} has no shape yet (a lazy layer): run the model once on an example, then "
                "count it"
            )
    for module in model.modules():
        visit(module._parameters)
        visit(module._buffers)
        visit({k: v for k, v in vars(module).items() if not k.startswith("_")})
    # The memo holds the ghosts only, so the originals must outlive it: `model` keeps them.
    twin = copy.deepcopy(model, memo).eval()
    for module in twin.modules():
        module._forward_hooks.clear()  # somebody's recorder must not collect ghosts
    return twin


def _example_shape(value: Any) -> tuple[int, ...]:
    """Shape of the first tensor in `value` without a batch axis of length 1."""
    tensor = _first_tensor(value)
    if tensor is None:
        return ()
    shape = tuple(tensor.shape)
    return shape[1:] if shape[:1] == (1,) else shape


def _first_tensor(value: Any) -> torch.Tensor | None:
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            found = _first_tensor(item)
            if found is not None:
                return found
    return None


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total


def _total(table: LayerTable, what: str) -> int:
    total = getattr(table.totals, what)
    if total is None:
        row = next(row for row in table.rows if getattr(row, what) is None)
        raise ValueError(
            f"layer {row.name or '(the model)'} ({row.kind}) does arithmetic of its own: give the "
            f"class a method count_{what}(input_shape, output_shape) -> int"
        )
    return total


def _merged(rows: list[LayerRow], depth: int) -> LayerRow:
    if len(rows) == 1:
        return rows[0]
    name = ".".join(rows[0].name.split(".")[:depth])
    kinds = list(dict.fromkeys(row.kind for row in rows))
    return LayerRow(
        name,
        f"{len(rows)} × {kinds[0]}" if len(kinds) == 1 else f"{len(rows)} layers",
        next((row.output_shape for row in reversed(rows) if row.output_shape is not None), None),
        sum(row.parameters for row in rows),
        _sum(row.macs for row in rows),
        _sum(row.connections for row in rows),
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{n:,}" for n in shape) if shape else "1"


def _count(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
