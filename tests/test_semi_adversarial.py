"""Prototypes, losses and judgement of lecture 15."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve
from torch import nn
from torch.nn import functional as F

from utils import semi_adversarial as sa
from utils.models import FaceMatcher, SlimAutoencoder, SmallAttributeNet

seldom = settings(max_examples=60, deadline=None, derandomize=True, database=None)

scores = st.lists(st.integers(-20, 20).map(lambda k: k / 10), min_size=1, max_size=60)


def some(seed=0, n=6, side=16):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, side, side), generator=generator, dtype=torch.uint8)
    return images, torch.tensor([0, 1, 1, 0, 1, 1][:n])


def test_grey_is_the_same_for_bytes_and_floats():
    images, _ = some()
    grey = sa.grey(images)
    assert grey.shape == (6, 1, 16, 16) and 0 <= grey.min() and grey.max() <= 1
    torch.testing.assert_close(sa.grey(images.float() / 255), grey)
    torch.testing.assert_close(sa.grey(torch.ones(1, 3, 2, 2)), torch.ones(1, 1, 2, 2))


def test_prototypes_are_means_and_the_neutral_one_is_weighted():
    images, styles = some()
    prototypes = sa.Prototypes(images, styles)
    scaled = images.float() / 255
    torch.testing.assert_close(prototypes.neutral(styles)[3], scaled.mean(0))
    torch.testing.assert_close(prototypes.same(styles)[0], scaled[[0, 3]].mean(0))
    torch.testing.assert_close(prototypes.opposite(styles)[0], scaled[[1, 2, 4, 5]].mean(0))
    assert torch.equal(prototypes.opposite(styles), prototypes.same(1 - styles))
    assert not list(prototypes.parameters())


@pytest.mark.parametrize(
    ("images", "styles", "words"),
    [
        (torch.rand(3, 3, 4, 4), torch.tensor([0, 1]), "one style a face"),
        (torch.rand(2, 3, 4, 4), torch.tensor([1, 1]), "some of style 0"),
    ],
)
def test_prototypes_refuse(images, styles, words):
    with pytest.raises(ValueError, match=words):
        sa.Prototypes(images, styles)


def test_losses_by_their_formulas():
    torch.manual_seed(0)
    x, same, opposite = torch.rand(3, 4, 1, 16, 16)
    classifier, matcher = SmallAttributeNet("mlp", side=16).eval(), FaceMatcher(3, side=16).eval()
    y = torch.tensor([0, 1, 1, 0])
    picked = classifier(same).log_softmax(1).gather(1, y[:, None]).mean()
    fooled = classifier(opposite).log_softmax(1).gather(1, 1 - y[:, None]).mean()
    torch.testing.assert_close(sa.attribute_loss(classifier, same, opposite, y), -picked - fooled)
    a, b, c = (matcher.embed(part) for part in (same, opposite, x))
    cosines = (a * c).sum(1)
    torch.testing.assert_close(sa.matcher_loss(matcher.embed, same, x), (2 - 2 * cosines).mean())
    code = F.mse_loss((a + b) / 2, c, reduction="sum") * 8 / len(x)
    torch.testing.assert_close(sa.code_matcher_loss(matcher.embed, same, opposite, x), code)


def test_two_errors_cancel_in_the_codes_matcher_loss():
    turn = {0: (1.0, 0.0), 1: (0.8, 0.6), 2: (0.8, -0.6)}

    def embed(x):
        return torch.tensor([turn[int(v)] for v in x.flatten()])

    face, left, right = (torch.full((1, 1, 1, 1), float(k)) for k in range(3))
    each = sa.matcher_loss(embed, left, face)
    together = sa.code_matcher_loss(embed, left, right, face) / 8
    assert together < each / 5


@pytest.mark.parametrize("losses", sa.LOSSES)
def test_only_the_autoencoder_learns(losses):
    torch.manual_seed(0)
    images, styles = some()
    classifier, matcher = SmallAttributeNet("strided", side=16), FaceMatcher(3, side=16)
    task = sa.SemiAdversarialTraining(
        SlimAutoencoder(), sa.Prototypes(images, styles), classifier, matcher, losses
    )
    task(sa.grey(images), styles).backward()
    learning = {name.split(".")[0] for name, p in task.named_parameters() if p.grad is not None}
    assert learning == {"autoencoder"}
    assert all(
        p.grad.abs().sum() > 0 for n, p in task.named_parameters() if n.endswith("combiner.weight")
    )
    assert not classifier.training and not matcher.training


def test_training_refuses_what_it_cannot_do():
    images, styles = some()
    parts = SlimAutoencoder(), sa.Prototypes(images, styles)
    with pytest.raises(ValueError, match="no losses 'gan'"):
        sa.SemiAdversarialTraining(*parts, losses="gan")
    with pytest.raises(ValueError, match="need a classifier and a matcher"):
        sa.SemiAdversarialTraining(*parts, losses="paper")


def test_modify_gives_three_pictures_of_every_face():
    images, styles = some()
    net, prototypes = SlimAutoencoder(), sa.Prototypes(images, styles)
    faces = sa.grey(images)
    pictures = sa.modify(net, prototypes, faces, styles, batch_size=4)
    assert list(pictures) == ["SM", "NT", "OP"]
    with torch.no_grad():
        same = net(torch.cat([faces, prototypes.same(styles)], 1))
    torch.testing.assert_close(pictures["SM"], same)
    assert not torch.allclose(pictures["SM"], pictures["OP"])


@seldom
@given(genuine=scores, impostor=scores)
def test_area_under_roc_is_scikit_learns(genuine, impostor):
    labels = [1] * len(genuine) + [0] * len(impostor)
    expected = roc_auc_score(labels, genuine + impostor)
    found = sa.area_under_roc(torch.tensor(genuine), torch.tensor(impostor))
    assert found == pytest.approx(expected, abs=1e-6)


@seldom
@given(genuine=scores, impostor=scores, fmr=st.floats(0, 0.99))
def test_true_match_rate_is_the_best_point_of_scikit_learns_curve(genuine, impostor, fmr):
    labels = [1] * len(genuine) + [0] * len(impostor)
    rates, hits, _ = roc_curve(labels, genuine + impostor, drop_intermediate=False)
    expected = max(hit for rate, hit in zip(rates, hits, strict=True) if rate <= fmr + 1e-9)
    found = sa.true_match_rate(torch.tensor(genuine), torch.tensor(impostor), fmr).item()
    assert found <= expected + 1e-9
    beyond = max(impostor)
    assert sa.true_match_rate(torch.tensor(genuine), torch.tensor(impostor), 0.0).item() == (
        pytest.approx(sum(g > beyond for g in genuine) / len(genuine))
    )
    if len(set(impostor)) == len(impostor) and not set(genuine) & set(impostor):
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("fmr", [-0.1, 1.0])
def test_true_match_rate_refuses(fmr):
    with pytest.raises(ValueError, match="rates from 0 to below 1"):
        sa.true_match_rate(torch.rand(3), torch.rand(3), fmr)
    with pytest.raises(ValueError, match="some of both"):
        sa.true_match_rate(torch.rand(0), torch.rand(3), 0.1)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: sa.area_under_roc(torch.tensor([torch.nan]), torch.rand(3)), "genuine: 1 of 1"),
        (lambda: sa.psnr(torch.rand(1, 1, 4, 4), torch.rand(2, 1, 4, 4)), "the same faces"),
        (
            lambda: sa.matcher_loss(abs, torch.rand(1, 1, 4, 4), torch.rand(2, 1, 4, 4)),
            "same faces",
        ),
        (lambda: sa.accuracy(nn.Flatten(), torch.rand(2, 1, 1, 2), torch.tensor([0, 2])), "0 or 1"),
        (lambda: sa.grey(torch.rand(1, 2, 3, 4, 4)), r"give \(N, 3, H, W\)"),
    ],
)
def test_a_judgement_of_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_match_scores_leave_out_a_picture_with_itself():
    def embed(x):
        return F.normalize(x.flatten(1), dim=1)

    torch.manual_seed(0)
    faces = torch.rand(6, 1, 4, 4)
    persons, styles = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 0, 1, 1, 0, 0])
    genuine, impostor = sa.match_scores(embed, faces, faces, persons, batch_size=4)
    assert len(genuine) == 6 and len(impostor) == 24 and genuine.max() < 1
    genuine, impostor = sa.match_scores(embed, faces, faces, persons, styles)
    assert len(genuine) == 6 and len(impostor) == 8


def test_psnr_of_a_tenth_is_20_dB():
    x = torch.full((2, 1, 4, 4), 0.5)
    assert sa.psnr(x + 0.1, x) == pytest.approx(20, abs=1e-3)
    assert sa.psnr(x, x) > 100


def test_stored_weights_come_back(tmp_path):
    import numpy as np

    torch.manual_seed(1)
    net = FaceMatcher(9, "pooled", side=32)
    kept = {k: v.half().numpy() for k, v in net.state_dict().items() if k != "persons"}
    np.savez(tmp_path / "net.npz", **kept)
    other = sa.restore(FaceMatcher(2, "pooled", side=32), tmp_path / "net.npz")
    x = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(other.embed(x), net.eval().embed(x), atol=5e-3, rtol=0)
    with pytest.raises(ValueError, match="does not fit SmallAttributeNet"):
        sa.restore(SmallAttributeNet(), tmp_path / "net.npz")
