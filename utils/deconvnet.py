"""What a feature map answers to: deconvnet projections, strongest activations, occlusion.

`Deconvnet` runs a network forwards while it notes what pooling chose, and then backwards from one
activation to the pixels, as Zeiler and Fergus did. The same walk with another rule at the ReLUs is
the gradient or guided backpropagation, so that the three differ in one line (`RULES`).

References
----------
Zeiler, Fergus (2014). Visualizing and understanding convolutional networks. ECCV, sec. 2.1, 4.2.
Springenberg, Dosovitskiy, Brox, Riedmiller (2015). Striving for simplicity. ICLR workshop
(guided backpropagation; its Fig. 1 sets the three rules side by side).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utils.arguments import check_fill, check_no_nan, integer
from utils.arithmetic import receptive_field

__all__ = [
    "RULES",
    "Deconvnet",
    "Top",
    "occlusion_map",
    "sign_hamming",
    "top_activations",
    "unpool",
]

RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "gradient": lambda signal, before: signal * (before > 0),
    "deconvnet": lambda signal, before: signal.clamp(min=0),
    "guided": lambda signal, before: signal.clamp(min=0) * (before > 0),
}
"""What a ReLU does to the signal on its way down; ``before`` is what entered it on the way up."""

_PASSED_OVER = (nn.Dropout, nn.Dropout2d, nn.Identity)
_NORMS = (nn.LocalResponseNorm, nn.CrossMapLRN2d)


@dataclass(frozen=True)
class _Layer:
    """One layer of the chain, and the window of its units: side, step, left edge of unit 0."""

    name: str
    module: nn.Module
    field: int
    jump: int
    edge: float


class Deconvnet:
    """A network read backwards, from one activation of one feature map to the pixels.

    Parameters
    ----------
    model : torch.nn.Module
        A chain of `Conv2d`, `ReLU`, `MaxPool2d`, `Dropout`, response normalisation and
        torchvision's SqueezeNet `Fire` modules: a `Sequential` (nested ones too), or a module
        whose ``features`` is one (SqueezeNet, VGG, AlexNet, ZFNet). It is only read; it is
        called as it stands, so put it into evaluation mode.

    Raises
    ------
    TypeError
        If the model is no chain, or holds a layer that has no way back here.

    Notes
    -----
    Zeiler and Fergus (2014), sec. 2.1. Going down, each layer is undone in turn: pooling by its
    switches (the places of the maxima), ReLU by a ReLU on the signal, a convolution by its
    transpose without bias. Contrast normalisation is passed over, as in the paper.

    Examples
    --------
    >>> toy = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
    >>> Deconvnet(toy).layers
    ['0', '1', '2']
    >>> Deconvnet(toy).project(torch.ones(3, 8, 8), "2", feature_map=1).shape
    torch.Size([3, 8, 8])
    """

    def __init__(self, model: nn.Module):
        chain = model if isinstance(model, nn.Sequential) else getattr(model, "features", None)
        if not isinstance(chain, nn.Sequential):
            raise TypeError(
                f"{type(model).__name__} is no chain of layers: give a torch.nn.Sequential or a "
                "module whose `features` is one"
            )
        prefix = "" if chain is model else "features."
        geometry: list[tuple[int, ...]] = []
        self._chain: list[_Layer] = []
        for name, module in _flat(chain, prefix):
            geometry.extend(_geometry(name, module))
            field, jump, start = receptive_field(geometry)[-1] if geometry else (1, 1, 0.5)
            self._chain.append(_Layer(name, module, field, jump, start - field / 2))

    @property
    def layers(self) -> list[str]:
        """Names of the layers one can ask for, from the image upwards."""
        return [layer.name for layer in self._chain]

    def _number(self, layer: str) -> int:
        if layer not in self.layers:
            raise ValueError(f"there is no layer {layer!r}: there are {', '.join(self.layers)}")
        return self.layers.index(layer)

    @torch.no_grad()
    def activations(self, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Feature maps of several layers in one pass.

        Parameters
        ----------
        images : Tensor
            (N, C, H, W), prepared as the model wants them.
        layers : sequence of str
            Names out of `layers`.

        Returns
        -------
        dict of str to Tensor
            (N, maps, rows, columns) for each layer.
        """
        wanted = {self._number(layer): layer for layer in layers}
        found, x = {}, images
        for number in range(max(wanted) + 1):
            x = _forward(self._chain[number].module, x)
            if number in wanted:
                found[wanted[number]] = x.clone()  # the next ReLU may work in place
        return found

    @torch.no_grad()
    def project(
        self,
        image: Tensor,
        layer: str,
        feature_map: int,
        *,
        place: tuple[int, int] | None = None,
        rule: str = "deconvnet",
    ) -> Tensor:
        """Project one activation down to pixel space.

        Parameters
        ----------
        image : Tensor
            (C, H, W), or (N, C, H, W) for one projection each, prepared as the model wants it.
        layer : str
            Name of the layer, one of `layers`; its output is where the walk starts.
        feature_map : int
            Number of the map, 0..maps - 1.
        place : (int, int), optional
            Row and column of the unit; by default each image's largest activation.
        rule : {"deconvnet", "gradient", "guided"}
            What the ReLUs do to the signal, see `RULES`.

        Returns
        -------
        Tensor
            As ``image``: the signal that arrives at the pixels, of both signs, zero outside the
            unit's window. "deconvnet" and "guided" start from the activation itself (all others
            set to zero), "gradient" starts from one, so that it is the activation's gradient.

        Raises
        ------
        ValueError
            If layer, map, place or rule does not exist, or a normalisation is to be
            differentiated.
        """
        if rule not in RULES:
            raise ValueError(f"there is no rule {rule!r}: there are {', '.join(RULES)}")
        last = self._number(layer)
        images = image if image.ndim == 4 else image[None]
        x, memories = images, []
        for step in self._chain[: last + 1]:
            memories.append(_remember(step.module, x))
            x = _forward(step.module, x)
        maps, rows, columns = x.shape[1:]
        if not 0 <= feature_map < maps:
            raise ValueError(f"{layer} has no map {feature_map}: it has 0 to {maps - 1}")
        if place is None:
            flat = x[:, feature_map].flatten(1).argmax(1)
        elif 0 <= place[0] < rows and 0 <= place[1] < columns:
            flat = torch.full((len(x),), place[0] * columns + place[1], device=x.device)
        else:
            raise ValueError(f"{layer} has no unit {place}: its maps are {rows} x {columns}")
        signal = torch.zeros_like(x)
        index = torch.arange(len(x), device=x.device)
        seeds = x[:, feature_map].flatten(1)[index, flat]
        if rule == "gradient":
            seeds = torch.ones_like(seeds)
        signal[index, feature_map, flat // columns, flat % columns] = seeds
        for step, memory in zip(self._chain[last::-1], memories[::-1], strict=True):
            signal = _back(step, memory, signal, rule)
        return signal if image.ndim == 4 else signal[0]

    def window(
        self, layer: str, place: tuple[int, int], size: tuple[int, int]
    ) -> tuple[int, int, int, int]:
        """Pixels that one unit can see: its receptive field, cut at the image's border.

        Parameters
        ----------
        layer : str
            One of `layers`.
        place : (int, int)
            Row and column of the unit.
        size : (int, int)
            Height and width of the image in pixels.

        Returns
        -------
        top, left, bottom, right : int
            Rows top..bottom - 1 and columns left..right - 1.
        """
        step = self._chain[self._number(layer)]
        starts = [round(step.edge + p * step.jump) for p in place]
        top, left = (max(0, start) for start in starts)
        bottom, right = (
            min(length, start + step.field) for start, length in zip(starts, size, strict=True)
        )
        return top, left, bottom, right


def _flat(chain: nn.Sequential, prefix: str):
    """Layers of nested Sequentials, each with the name `named_modules` gives it."""
    for name, module in chain.named_children():
        if isinstance(module, nn.Sequential):
            yield from _flat(module, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", module


def _is_fire(module: nn.Module) -> bool:
    from torchvision.models.squeezenet import Fire

    return isinstance(module, Fire)


def _square(value) -> int:
    """One number of a kernel size, stride, padding or dilation that is the same both ways."""
    if isinstance(value, int):
        return value
    if isinstance(value, tuple) and len(set(value)) == 1:
        return value[0]
    raise TypeError(f"windows here are square, with whole numbers: got {value!r}")


def _geometry(name: str, module: nn.Module) -> list[tuple[int, ...]]:
    """Kernel, stride, padding, dilation of what a layer does to the receptive field."""
    if isinstance(module, (nn.Conv2d, nn.MaxPool2d)):
        if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
            raise TypeError(f"layer {name} pads with {module.padding_mode}: only zeros go back")
        numbers = (module.kernel_size, module.stride, module.padding, module.dilation)
        return [tuple(_square(value) for value in numbers)]
    if _is_fire(module):
        return [(1, 1, 0, 1), (3, 1, 1, 1)]
    if isinstance(module, (nn.ReLU, *_PASSED_OVER, *_NORMS)):
        return []
    raise TypeError(
        f"layer {name} is a {type(module).__name__}, which has no way back here: there are "
        "Conv2d, ReLU, MaxPool2d, Dropout, LocalResponseNorm and Fire"
    )


def _forward(module: nn.Module, x: Tensor) -> Tensor:
    return F.relu(x) if isinstance(module, nn.ReLU) else module(x)  # never in place


def _remember(module: nn.Module, x: Tensor):
    """What the way back needs to know of the way up."""
    if isinstance(module, nn.MaxPool2d):
        switches = F.max_pool2d(
            x,
            module.kernel_size,
            module.stride,
            module.padding,
            module.dilation,
            module.ceil_mode,
            return_indices=True,
        )[1]
        return switches, x.shape
    if isinstance(module, nn.ReLU):
        return x
    if _is_fire(module):
        squeezed = module.squeeze(x)
        relu = F.relu(squeezed)
        expanded = torch.cat([module.expand1x1(relu), module.expand3x3(relu)], 1)
        return squeezed, expanded, x.shape
    return x.shape


def _back(step: _Layer, memory, signal: Tensor, rule: str) -> Tensor:
    """Carry the signal from a layer's output to its input."""
    module = step.module
    if isinstance(module, nn.Conv2d):
        return _transposed(module, memory, signal)
    if isinstance(module, nn.MaxPool2d):
        switches, shape = memory
        return unpool(signal, switches, shape)
    if isinstance(module, nn.ReLU):
        return RULES[rule](signal, memory)
    if isinstance(module, _NORMS) and rule != "deconvnet":
        raise ValueError(
            f"layer {step.name} normalises across maps: only the deconvnet passes over it; take "
            "the gradient with autograd"
        )
    if _is_fire(module):
        squeezed, expanded, shape = memory
        signal = RULES[rule](signal, expanded)
        one, three = signal.split([module.expand1x1.out_channels, module.expand3x3.out_channels], 1)
        signal = _transposed(module.expand1x1, squeezed.shape, one)
        signal = signal + _transposed(module.expand3x3, squeezed.shape, three)
        return _transposed(module.squeeze, shape, RULES[rule](signal, squeezed))
    return signal


def _transposed(layer: nn.Conv2d, shape: Sequence[int], signal: Tensor) -> Tensor:
    """The convolution's adjoint without bias: outputs (N, C_out, ...) to inputs of ``shape``."""
    return torch.nn.grad.conv2d_input(
        shape,
        layer.weight,
        signal,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )


def unpool(signal: Tensor, switches: Tensor, shape: Sequence[int]) -> Tensor:
    """Return pooled values to the places they were taken from; all other places are zero.

    Where windows overlap, several outputs may have chosen the same place: their values are added,
    as the gradient of pooling adds them (`torch.nn.MaxUnpool2d` keeps only one).

    Parameters
    ----------
    signal : Tensor
        (N, C, h, w).
    switches : Tensor
        (N, C, h, w), int64: place of each maximum in its flattened map, as
        ``max_pool2d(..., return_indices=True)`` gives it.
    shape : sequence of int
        (N, C, H, W), shape before pooling.

    Returns
    -------
    Tensor
        (N, C, H, W), with the same sum as ``signal``.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    >>> _, switches = F.max_pool2d(torch.tensor([[[[1.0, 9.0, 2.0]]]]), (1, 2), 1, 0, 1, False, True)
    >>> unpool(torch.tensor([[[[3.0, 4.0]]]]), switches, (1, 1, 1, 3)).tolist()
    [[[[0.0, 7.0, 0.0]]]]
    """
    n, c, h, w = shape
    if signal.shape != switches.shape or signal.shape[:2] != (n, c):
        raise ValueError(
            f"a signal of shape {tuple(signal.shape)}, switches of {tuple(switches.shape)}, before "
            f"pooling {tuple(shape)}: give a switch for every value, of as many images and maps"
        )
    flat = signal.new_zeros(n, c, h * w)
    return flat.scatter_add_(2, switches.flatten(2), signal.flatten(2)).view(n, c, h, w)


@dataclass(frozen=True)
class Top:
    """The strongest activations of every feature map of one layer over a collection.

    Attributes
    ----------
    values : Tensor
        (maps, k) float32, the activations, largest first.
    images : Tensor
        (maps, k) int64, the image each was found in.
    places : Tensor
        (maps, k, 2) int64, row and column of the unit.
    means : Tensor
        (maps,) float32, mean over all images of the image's largest activation.
    """

    values: Tensor
    images: Tensor
    places: Tensor
    means: Tensor

    def selectivity(self) -> Tensor:
        """(maps,): mean of the top k over the mean of all; 0 for a map that never answered.

        A large value says that a map answers strongly to few pictures.
        """
        return torch.where(
            self.means > 0, self.values.mean(1) / self.means.clamp(min=1e-12), 0 * self.means
        )


def top_activations(
    model: nn.Module | Deconvnet,
    images: Tensor,
    layers: Sequence[str],
    *,
    k: int = 9,
    groups: Sequence[int] | Tensor | None = None,
    prepare: Callable[[Tensor], Tensor] | None = None,
    batch_size: int = 16,
) -> dict[str, Top]:
    """Strongest activation of every map in every image, and the k images that lead each map.

    Parameters
    ----------
    model : torch.nn.Module or Deconvnet
        The network.
    images : Tensor
        (N, C, H, W), in any form that ``prepare`` takes.
    layers : sequence of str
        Names out of ``Deconvnet(model).layers``; all are looked at in one pass.
    k : int
        How many, 1 <= k <= number of different groups.
    groups : sequence of int, optional
        (N,) the photograph each image was cut from, by any number: only the best image of each
        counts, so that the k are k different photographs. By default every image is a group of its
        own.
    prepare : callable, optional
        Makes the network's input from a batch of ``images``.
    batch_size : int
        Images a pass.

    Returns
    -------
    dict of str to Top

    Raises
    ------
    TypeError
        If ``batch_size`` is no whole number.
    ValueError
        If it is below 1, k is out of range, or there are not as many groups as images.

    Notes
    -----
    Zeiler and Fergus (2014), Fig. 2: the top nine activations over the validation images.
    """
    integer("batch_size", batch_size, at_least=1)
    reader = model if isinstance(model, Deconvnet) else Deconvnet(model)
    count = len(images)
    group = torch.arange(count) if groups is None else torch.as_tensor(groups).long()
    if group.shape != (count,):
        raise ValueError(f"groups of shape {tuple(group.shape)} for {count} images: give one each")
    number = len(group.unique())
    if not 1 <= k <= number:
        raise ValueError(f"k is {k}: give 1 to {number}, the number of different groups")
    values: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    places: dict[str, list[Tensor]] = {layer: [] for layer in layers}
    for batch in images.split(batch_size):
        found = reader.activations(batch if prepare is None else prepare(batch), layers)
        for layer, maps in found.items():
            best, flat = maps.flatten(2).max(2)
            values[layer].append(best)
            places[layer].append(torch.stack([flat // maps.shape[3], flat % maps.shape[3]], 2))
    return {
        layer: _leaders(torch.cat(values[layer]), torch.cat(places[layer]), group, k)
        for layer in layers
    }


def _leaders(values: Tensor, places: Tensor, group: Tensor, k: int) -> Top:
    """The k best images of each map, at most one of each group."""
    values, places = values.cpu(), places.cpu()
    order = values.argsort(dim=0, descending=True, stable=True)
    chosen = torch.empty(values.shape[1], k, dtype=torch.int64)
    for feature_map in range(values.shape[1]):
        seen: dict[int, int] = {}
        for image in order[:, feature_map].tolist():
            seen.setdefault(int(group[image]), image)
            if len(seen) == k:
                break
        chosen[feature_map] = torch.tensor(list(seen.values()))
    maps = torch.arange(values.shape[1])[:, None]
    return Top(values[chosen, maps], chosen, places[chosen, maps], values.mean(0))


@torch.no_grad()
def occlusion_map(
    score: Callable[[Tensor], Tensor],
    image: Tensor,
    *,
    size: int,
    stride: int,
    fill: float = 0.0,
    batch_size: int = 16,
) -> Tensor:
    """Slide a plain square over an image and note the score for each of its places.

    Parameters
    ----------
    score : callable
        Maps images (B, C, H, W) to (B,) or (B, K) numbers: a class's probability, the sum of a
        feature map, the winning label, or several of them at once.
    image : Tensor
        (C, H, W), prepared as the network wants it.
    size, stride : int
        Side of the square and distance of its places, in pixels, >= 1.
    fill : float
        Value of the square; 0 is the mean colour where the mean was subtracted.
    batch_size : int
        Images a pass.

    Returns
    -------
    Tensor
        (rows, columns) or (rows, columns, K); entry (i, j) has the square's corner at pixel
        (i * stride, j * stride).

    Raises
    ------
    ValueError
        If the square does not fit into the image, or the image's type cannot hold ``fill``.

    Notes
    -----
    Zeiler and Fergus (2014), sec. 4.2.
    """
    _, height, width = image.shape
    if not 1 <= size <= min(height, width) or stride < 1:
        raise ValueError(
            f"got size={size} and stride={stride} for an image of {height} x {width}: give "
            f"1 <= size <= {min(height, width)} and stride >= 1"
        )
    check_fill(image, fill)
    tops = range(0, height - size + 1, stride)
    lefts = range(0, width - size + 1, stride)
    corners = [(top, left) for top in tops for left in lefts]
    scores = []
    for first in range(0, len(corners), batch_size):
        part = corners[first : first + batch_size]
        batch = image.repeat(len(part), 1, 1, 1)
        for covered, (top, left) in zip(batch, part, strict=True):
            covered[:, top : top + size, left : left + size] = fill
        scores.append(score(batch))
    result = torch.cat(scores)
    return result.view(len(tops), len(lefts), *result.shape[1:])


def sign_hamming(changes: Tensor) -> Tensor:
    """How differently the same change of several images moves their features.

    Parameters
    ----------
    changes : Tensor
        (n, features), n >= 2: features of each image less those of the image with a part covered.

    Returns
    -------
    Tensor
        (n * (n - 1) / 2,) share of features whose change has another sign (-1, 0 or 1), for every
        pair of images; 0 if all move alike. The paper's Delta is the sum over both orders of the
        pairs, that is a multiple of this tensor's mean.

    Raises
    ------
    ValueError
        If there are fewer than two images, or a change is NaN.

    Notes
    -----
    Zeiler and Fergus (2013), arXiv 1311.2901, sec. 4.3 (absent from the ECCV text).

    >>> sign_hamming(torch.tensor([[1.0, -2.0, 0.0, 3.0], [0.5, 2.0, 0.0, 1.0]]))
    tensor([0.2500])
    """
    changes = torch.as_tensor(changes)
    if changes.ndim != 2 or len(changes) < 2:
        raise ValueError(
            f"changes of shape {tuple(changes.shape)}: give (n, features) with two or more images"
        )
    check_no_nan(changes=changes)
    signs = changes.sign()
    first, second = torch.triu_indices(len(signs), len(signs), offset=1)
    return (signs[first] != signs[second]).float().mean(1)
