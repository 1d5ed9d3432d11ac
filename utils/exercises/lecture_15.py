"""The checks of lecture 15, semi-adversarial networks."""

import numpy as np

from utils.exercises import exercise, expect_integer, expect_number, run_against


@exercise(
    "15.1",
    kind="predict",
    minutes=3,
    title="A classifier that is mostly wrong",
    hints=[
        "There are only two answers. What is left if one of them is wrong?",
        "Turn every answer round: which pictures are then right?",
    ],
)
def turned_round(answer):
    """1 - 0.2."""
    expect_number(
        answer,
        0.8,
        {
            0.2: "that is what one gets who believes the classifier; this one knows better",
            0.5: "a coin does that; the classifier's answers are far from a coin's",
            80: "give a share between 0 and 1, not percent",
            0.3: "that is how far the accuracy lies from a coin's",
            0.6: "no need to mix the two strategies: turn every answer round",
            1.0: "a fifth of the answers were right, and turning spoils those",
            -0.2: "a share cannot be negative: turn the answers round, not the number",
            0.4: "the answers are not doubled but turned round",
        },
        tolerance=1e-6,
        otherwise="take ten faces, two of them named rightly. Turn all ten answers round and count",
    )
    return "far below one half is as telling as far above: a coin's 0.5 would hide most"


@exercise(
    "15.2",
    kind="compute",
    minutes=8,
    title="Grey prototypes",
    hints=[
        "Which layers see the prototype? There are two.",
        "enc1: 3 x 3 weights from 2 channels instead of 4. The combiner: 128 + 1 channels.",
    ],
)
def grey_prototypes(answer):
    """324,248 - 2 * 9 * 8 - 2."""
    expect_integer(
        answer,
        324_102,
        {
            324_248: "that is the network with colour prototypes",
            324_104: "the encoder is right; the proto-combiner, too, sees the prototype",
            324_246: "the combiner is right; the first layer, too, sees the prototype",
            324_029: "that leaves the prototype out altogether; it has one channel now",
            324_030: "enc1 still sees the prototype's one channel beside the face",
            324_086: "the combiner is a 1 x 1 convolution, not 3 x 3",
            324_093: "both layers keep their biases",
            324_176: "enc1 loses two of its four input channels, not one",
            324_230: "enc1 has 8 kernels of 3 x 3 weights: each of them loses two channels",
            146: "that is what it saves; how many are left?",
        },
        otherwise="only two layers see the prototype, enc1 and the combiner. How many weights does "
        "each lose with two channels?",
    )
    return "colour costs 146 of 324,248 parameters"


def _rate(genuine, impostor, fmr):
    falling = sorted(impostor, reverse=True)
    threshold = falling[int(fmr * len(falling) + 1e-9)]
    return sum(score > threshold for score in genuine) / len(genuine)


def _wrong_rates():
    def not_strict(genuine, impostor, fmr):
        threshold = sorted(impostor, reverse=True)[int(fmr * len(impostor) + 1e-9)]
        return sum(score >= threshold for score in genuine) / len(genuine)

    def lowest(genuine, impostor, fmr):
        threshold = sorted(impostor)[int(fmr * len(impostor) + 1e-9)]
        return sum(score > threshold for score in genuine) / len(genuine)

    def on_genuine(genuine, impostor, fmr):
        threshold = sorted(genuine, reverse=True)[int(fmr * len(genuine) + 1e-9)]
        return sum(score > threshold for score in genuine) / len(genuine)

    def as_threshold(genuine, impostor, fmr):
        return sum(score > fmr for score in genuine) / len(genuine)

    def impostors_rate(genuine, impostor, fmr):
        threshold = sorted(impostor, reverse=True)[int(fmr * len(impostor) + 1e-9)]
        return sum(score > threshold for score in impostor) / len(impostor)

    def rejected(genuine, impostor, fmr):
        return 1 - _rate(genuine, impostor, fmr)

    return [
        (not_strict, "a score equal to the threshold is not above it"),
        (lowest, "that sorts the impostors the wrong way: the threshold lets most of them in"),
        (on_genuine, "the threshold comes from the impostors, not from the genuine pairs"),
        (as_threshold, "fmr is a share of impostors, not a score: find the threshold first"),
        (impostors_rate, "that is the share of impostors let in; return that of genuine pairs"),
        (rejected, "that is the share of genuine pairs turned away"),
    ]


@exercise(
    "15.3",
    kind="build",
    minutes=15,
    title="True match rate at a false match rate",
    hints=[
        "Sort the impostor scores from high to low. How many may pass?",
        "With k = int(fmr * n + 1e-9) allowed, the threshold is the impostor at place k.",
    ],
)
def match_rate(answer):
    """The share of genuine scores above the (k + 1)-th highest impostor's."""
    rng = np.random.default_rng(15)
    cases = [
        ([0.9, 0.8, 0.3, 0.2], [0.7, 0.4, 0.3, 0.1, 0.0], 0.2),
        ([0.5, 0.6, 0.9, 0.4], [0.5, 0.4, 0.3, 0.2, 0.1], 0.0),
        ([5.0, 4.0, 3.0, 1.0], [4.0, 2.0, 2.0, 1.0], 0.5),
    ]
    for count, fmr in ((30, 0.1), (50, 0.02), (41, 0.25)):
        genuine = np.round(rng.normal(0.6, 0.2, 25), 2).tolist()
        cases.append((genuine, np.round(rng.normal(0.2, 0.2, count), 2).tolist(), fmr))
    run_against(_rate, answer, cases, _wrong_rates())
    return "the number a matcher is bought by"


def _chosen(faces, styles):
    means = [faces[styles == s].mean(axis=0) for s in (0, 1)]
    same = np.stack([means[s] for s in styles])
    opposite = np.stack([means[1 - s] for s in styles])
    neutral = np.broadcast_to(faces.mean(axis=0), faces.shape)
    return np.stack([same, neutral, opposite])


def _wrong_prototypes():
    def unweighted(faces, styles):
        right = np.array(_chosen(faces, styles))
        right[1] = (right[0] + right[2]) / 2
        return right

    def swapped(faces, styles):
        return _chosen(faces, styles)[::-1]

    def fixed(faces, styles):
        means = [faces[styles == s].mean(axis=0) for s in (0, 1)]
        middle = faces.mean(axis=0)
        return np.stack([np.broadcast_to(m, faces.shape) for m in (means[0], middle, means[1])])

    def one_number(faces, styles):
        return np.broadcast_to(
            _chosen(faces, styles).mean(axis=(2, 3), keepdims=True), (3, *faces.shape)
        )

    def themselves(faces, styles):
        right = np.array(_chosen(faces, styles))
        right[0] = faces
        return right

    return [
        (unweighted, "the neutral one is weighted by counts: the mean of all faces"),
        (swapped, "the order is same, neutral, opposite"),
        (fixed, "that gives every face style 0's prototype as its own: look at its style"),
        (one_number, "a prototype is a picture: average over faces, not over pixels"),
        (themselves, "the same-style prototype is the mean of that style, not the face itself"),
    ]


@exercise(
    "15.4",
    kind="build",
    minutes=12,
    title="Three prototypes for each face",
    hints=[
        "First the two mean faces: faces[styles == 0].mean(axis=0), and for style 1.",
        "means[styles] and means[1 - styles] pick one for each face if means is an array.",
    ],
)
def three_prototypes(answer):
    """Same, neutral (count-weighted) and opposite mean faces."""
    rng = np.random.default_rng(4)
    cases = []
    for styles in ([0, 0, 0, 1], [1, 0, 1, 1, 0], [1, 1, 0, 0, 0, 0]):
        cases.append((rng.random((len(styles), 3, 4)).round(3), np.array(styles)))
    run_against(_chosen, answer, cases, _wrong_prototypes())
    return "P_SM, P_NT and P_OP"


def _mirrored(faces, same, opposite, coins):
    turn = np.asarray(coins, dtype=bool)
    pictures = [np.array(part) for part in (faces, same, opposite)]
    for part in pictures:
        part[turn] = part[turn][..., ::-1]
    return np.concatenate(pictures, axis=1)


def _flip(part, turn, axis):
    part = np.array(part)
    part[turn] = np.flip(part[turn], axis)
    return part


def _wrong_mirrors():
    def parts(faces, same, opposite, coins, how):
        turn = np.asarray(coins, dtype=bool)
        axes = zip((faces, same, opposite), how, strict=True)
        done = [part if axis is None else _flip(part, turn, axis) for part, axis in axes]
        return np.concatenate(done, axis=1)

    def variant(*how):
        return lambda faces, same, opposite, coins: parts(faces, same, opposite, coins, how)

    def all_of_them(faces, same, opposite, coins):
        return np.concatenate([faces, same, opposite], axis=1)[..., ::-1]

    def never(faces, same, opposite, coins):
        return np.concatenate([faces, same, opposite], axis=1)

    def other_way(faces, same, opposite, coins):
        return _mirrored(faces, same, opposite, ~np.asarray(coins, dtype=bool))

    return [
        (
            variant(-1, None, None),
            "only the face is mirrored: its prototypes still look the old way",
        ),
        (variant(-1, -1, None), "the opposite prototype is not mirrored"),
        (variant(-1, None, -1), "the same-style prototype is not mirrored"),
        (variant(None, -1, -1), "now the prototypes turn and the face does not"),
        (
            variant(-2, -2, -2),
            "that stands the faces on their heads; the last axis is left to right",
        ),
        (variant(-1, -3, -3), "that swaps the prototypes' colours; the last axis is left to right"),
        (all_of_them, "every face is mirrored; each has its own coin"),
        (never, "nothing is mirrored any more: the coins should decide"),
        (other_way, "it mirrors the others: a coin of True means mirror"),
    ]


@exercise(
    "15.5",
    kind="debug",
    minutes=10,
    title="The mirrored face",
    hints=[
        "Draw a face looking left, and its prototype, which was aligned to it. Mirror. What fits?",
        "All three pictures of a face belong together: one coin for the three.",
    ],
)
def mirror(answer):
    """Mirror face and prototypes by the same coin."""
    rng = np.random.default_rng(7)
    cases = []
    for coins in ([True, False, True], [False, True], [True, True, False, False]):
        n = len(coins)
        shapes = ((n, 1, 3, 4), (n, 3, 3, 4), (n, 3, 3, 4))
        cases.append((*(rng.random(shape).round(3) for shape in shapes), np.array(coins)))
    run_against(_mirrored, answer, cases, _wrong_mirrors())
    return "what was aligned stays aligned"
