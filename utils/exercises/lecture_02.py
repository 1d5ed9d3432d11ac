"""The checks of lecture 02, convolution arithmetic."""

from utils.exercises import exercise, expect_integer, run_against


@exercise(
    "02.1",
    kind="predict",
    minutes=3,
    title="The size of a feature map",
    hints=[
        "How many pixels has a row with its padding? Padding stands on both sides.",
        "The window's left edge stands at 0, 2, 4, ...: what is the last place where it fits?",
    ],
)
def feature_map_rows(answer):
    """floor((50 + 2 * 5 - 11) / 2) + 1."""
    expect_integer(
        answer,
        25,
        {
            26: "that rounds up: a last window would hang over the edge by a pixel",
            24: "that is how many steps the window makes; its first place counts too",
            23: "that pads one side only; P zeros stand on each side",
            20: "that leaves the padding out: the row is 50 + 5 + 5 pixels long",
            50: "that is the size with stride 1; this window moves by two pixels",
            30: "that leaves the kernel out: the whole window must fit, not its first pixel",
            31: "that leaves the kernel out: the whole window must fit, not its first pixel",
            625: "that is how many cells the map has; how many rows?",
            22: "padding stands on both sides: 50 + 5 + 5 pixels, and count the first place",
            28: "the padded row is 60 pixels long, and 11 of them are covered by the first window",
            49: "that is how far the window's left edge can move; it moves in steps of 2",
        },
        "write down where the window's left edge can stand in the padded row, and count",
    )
    return "the padded row has 60 pixels, and the last of them is never read"


@exercise(
    "02.2",
    kind="compute",
    minutes=8,
    title="The receptive field of a stack",
    hints=[
        "Keep two numbers a layer: the field, and the jump between two neighbours, in pixels.",
        "A layer adds D (K - 1) steps, each as long as the jump of the layers BELOW it.",
    ],
)
def field_on_top(answer):
    """1 + 2 + 2 + 2 * 2 * 2 + 1 * 2 + 2 * 4."""
    expect_integer(
        answer,
        23,
        {
            19: "that takes the third layer's dilation for 1: its three taps lie two steps apart",
            12: "that leaves the strides out: after one, all later steps are longer",
            10: "that leaves strides and dilation out",
            14: "that adds up the kernels; windows share pixels, so a layer adds K - 1 steps",
            21: "the pooling window adds to the field as well, by K - 1 = 1 step",
            27: "a layer's own stride does not lengthen its own steps, only those of layers above",
            4: "that is the jump, the distance between neighbouring fields; how wide is one?",
            3: "that is the field of the first layer; there are four more",
            529: "that is how many pixels the field holds; how wide is it?",
            15: "that is the field below the last layer; it adds two steps of four pixels",
            17: "the last layer's steps are four pixels long: both strides lie below it",
            13: "that is the field of the first three layers; two more lie on top",
        },
        "field 1, jump 1; each layer adds D (K - 1) jumps to the field, then multiplies the jump",
    )
    return "field 3, 5, 13, 15, 23 with jumps 1, 2, 2, 4, 4"


def _matrix(kernel, size, stride, padding):
    import torch

    taps = len(kernel)
    outputs = (size + 2 * padding - taps) // stride + 1
    matrix = torch.zeros(outputs, size, dtype=kernel.dtype)
    for row in range(outputs):
        for tap in range(taps):
            column = row * stride - padding + tap
            if 0 <= column < size:
                matrix[row, column] = kernel[tap]
    return matrix


def _with_padding_columns(kernel, size, stride, padding):
    return _matrix(kernel, size + 2 * padding, stride, 0)


def _wrapped(kernel, size, stride, padding):
    import torch

    whole = _with_padding_columns(kernel, size, stride, padding)
    matrix = torch.zeros(len(whole), size, dtype=kernel.dtype)
    for column in range(whole.shape[1]):
        matrix[:, (column - padding) % size] += whole[:, column]
    return matrix


def _rounded_up(kernel, size, stride, padding):
    import torch

    matrix = _matrix(kernel, size, stride, padding)
    if (size + 2 * padding - len(kernel)) % stride == 0:
        return matrix
    below = _matrix(kernel, size + stride, stride, padding)[len(matrix), :size]
    return torch.cat([matrix, below[None]])


def _padded_left_only(kernel, size, stride, padding):
    rows = (size + padding - len(kernel)) // stride + 1
    return _matrix(kernel, size, stride, padding)[:rows]


@exercise(
    "02.3",
    kind="build",
    minutes=15,
    title="The matrix of a convolution",
    hints=[
        "Begin without padding: row i holds the kernel, starting at column S i.",
        "With padding, row i starts at column S i - P; taps outside 0..W-1 meet zeros: skip them.",
    ],
)
def convolution_matrix(answer):
    """One row an output: the kernel at column S i - P, cut off at both ends."""
    import torch

    generator = torch.Generator().manual_seed(2)
    cases = [
        (torch.randn(taps, generator=generator), size, stride, padding)
        for taps, size, stride, padding in [
            (3, 9, 1, 0),
            (3, 7, 2, 0),
            (3, 8, 1, 1),
            (5, 8, 2, 2),
            (2, 6, 1, 0),
            (4, 11, 3, 2),
            (3, 8, 2, 0),
        ]
    ]
    run_against(
        _matrix,
        answer,
        cases,
        [
            (
                lambda kernel, *rest: _matrix(kernel.flip(0), *rest),
                "the kernel is flipped: deep learning's convolution does not flip it",
            ),
            (
                lambda kernel, size, stride, padding: _matrix(kernel, size, 1, padding),
                "the stride does nothing yet: the next row starts S columns further",
            ),
            (
                _with_padding_columns,
                "the padding has columns of its own; its zeros contribute nothing, so cut them off",
            ),
            (
                lambda kernel, size, stride, padding: _matrix(kernel, size, stride, 0),
                "the padding does nothing yet: the first row starts at column -P",
            ),
            (
                _rounded_up,
                "that is one row too many: the last window hangs over the edge; count with //",
            ),
            (
                _padded_left_only,
                "the padding stands on both sides: there are windows beyond the right edge too",
            ),
            (
                _wrapped,
                "the kernel re-enters on the other side; what hangs over the edge meets zeros",
            ),
            (
                lambda *arguments: _matrix(*arguments).T,
                "that is the transposed convolution: one row per output, one column per input",
            ),
        ],
        tolerance=1e-5,
    )
    return "its transpose is the transposed convolution"


def _correlate(image, kernel, stride=1):
    return _slide(image, kernel, stride, stride, stride)


def _slide(image, kernel, rows_step, columns_step, stride):
    """Windows `rows_step` and `columns_step` apart; as many as a stride of `stride` leaves."""
    import torch

    k_rows, k_columns = kernel.shape
    rows = (image.shape[0] - k_rows) // stride + 1
    columns = (image.shape[1] - k_columns) // stride + 1
    feature_map = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            top, left = i * rows_step, j * columns_step
            window = image[top : top + k_rows, left : left + k_columns]
            feature_map[i, j] = (window * kernel).sum()
    return feature_map


@exercise(
    "02.4",
    kind="debug",
    minutes=10,
    title="Right, as long as the stride is 1",
    hints=[
        "Take a stride of 2 and write down where the windows begin. Where should they?",
        "Output (i, j) is right if its window begins at row S i and column S j.",
    ],
)
def convolve(answer):
    """The window of output (i, j) begins at (S i, S j)."""
    import torch

    generator = torch.Generator().manual_seed(24)
    cases = [
        (
            torch.randn(rows, columns, generator=generator),
            torch.randn(k_rows, k_columns, generator=generator),
            stride,
        )
        for rows, columns, k_rows, k_columns, stride in [
            (9, 9, 3, 3, 2),
            (8, 11, 3, 2, 2),
            (6, 6, 3, 3, 1),
            (12, 10, 2, 4, 3),
            (7, 9, 3, 3, 4),
        ]
    ]
    run_against(
        _correlate,
        answer,
        cases,
        [
            (
                lambda image, kernel, stride: _slide(image, kernel, 1, 1, stride),
                "nothing has changed: the windows still begin one pixel apart, whatever the stride",
            ),
            (
                lambda image, kernel, stride: _slide(image, kernel, stride, 1, stride),
                "the rows are right; the columns still move by one pixel",
            ),
            (
                lambda image, kernel, stride: _slide(image, kernel, 1, stride, stride),
                "the columns are right; the rows still move by one pixel",
            ),
            (
                lambda image, kernel, stride: _correlate(image, kernel, 1),
                "that ignores the stride altogether, in the size as well",
            ),
            (
                lambda image, kernel, stride: _correlate(image, kernel.flip(0, 1), stride),
                "the stride is right, but the kernel is now flipped",
            ),
        ],
        tolerance=1e-5,
    )
    return "a test with stride 1 could not have found it"
