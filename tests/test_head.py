"""The linear head against scikit-learn and its own gradient; the file that it travels in."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save
from sklearn.linear_model import LogisticRegression

from segcore.errors import InputError
from segcore.features.weights import fingerprint
from segcore.heads.file import Head, head_bytes, read_head
from segcore.heads.linear import train_head
from segcore.scribble.nearest import nearest_labels


def rows(n, d, k, generator, *, noise=1.0):
    X = torch.randn(n, d, generator=generator) * torch.linspace(0.1, 30, d) + 5
    y = ((X - 5) / torch.linspace(0.1, 30, d))[:, :k].add(noise * torch.randn(n, k, generator=generator)).argmax(1)
    return X, y


def one_hot(y, k):
    return torch.nn.functional.one_hot(y, k).float()


@pytest.mark.parametrize(("n", "d", "k"), [(60, 5, 2), (400, 30, 3), (50, 120, 4), (900, 8, 8)])
@pytest.mark.parametrize("balanced", [True, False])
def test_the_same_optimum_as_scikit_learn(n, d, k, balanced, generator):
    X, y = rows(n, d, k, generator)
    y[:k] = torch.arange(k)
    C = 0.7
    head = train_head(X, one_hot(y, k), C=C, balanced=balanced)
    standard = ((X - X.mean(0)) / X.std(0, unbiased=False)).double().numpy()
    # For two labels scikit-learn has one weight vector where the softmax has two: twice the C.
    theirs = LogisticRegression(
        C=C * (2 if k == 2 else 1), class_weight="balanced" if balanced else None, tol=1e-9, max_iter=5000
    ).fit(standard, y.numpy())
    assert head.converged
    assert np.abs(head.probabilities(X).numpy() - theirs.predict_proba(standard)).max() < 5e-4


def test_the_gradient_vanishes_with_soft_targets(generator):
    X, y = rows(200, 6, 3, generator)
    T = 0.7 * one_hot(y, 3) + 0.1
    C = 0.5
    head = train_head(X, T, C=C)
    std, mean = X.double().std(0, unbiased=False), X.double().mean(0)
    standard = (X.double() - mean) / std
    W = (head.weight.double() * std[:, None]).requires_grad_()
    b = (head.bias.double() + mean @ head.weight.double()).requires_grad_()
    shares = T.double() / T.sum(1, keepdim=True)
    s = shares @ (len(X) / (3 * shares.sum(0)))
    loss = -(s[:, None] * shares * torch.log_softmax(standard @ W + b, 1)).sum() / len(X) + W.square().sum() / (
        2 * C * len(X)
    )
    loss.backward()
    assert float(loss.detach()) == pytest.approx(head.loss, rel=1e-5)
    assert max(float(W.grad.abs().max()), float(b.grad.abs().max())) < 1e-4
    assert all(b <= a + 1e-12 for a, b in zip(head.losses, head.losses[1:], strict=False))


def test_soft_targets_are_repeated_rows_with_weights(generator):
    X, y = rows(80, 4, 2, generator)
    soft = train_head(X, 0.75 * one_hot(y, 2) + 0.25 * one_hot(1 - y, 2), balanced=False)
    doubled, labels = torch.cat([X, X]).double(), torch.cat([y, 1 - y])
    weights = np.r_[np.full(80, 0.75), np.full(80, 0.25)]
    standard = ((doubled - X.double().mean(0)) / X.double().std(0, unbiased=False)).numpy()
    theirs = LogisticRegression(C=0.2, tol=1e-9, max_iter=5000).fit(standard, labels.numpy(), sample_weight=weights)
    assert np.abs(soft.probabilities(X).numpy() - theirs.predict_proba(standard[:80])).max() < 5e-4


def test_rows_that_are_decided_still_count(generator):
    """The curvature leaves out what is certain; the minimum must not."""
    X, y = rows(1500, 40, 4, generator, noise=0.1)
    C = 3.0
    head = train_head(X, one_hot(y, 4), C=C, balanced=False)
    standard = ((X - X.mean(0)) / X.std(0, unbiased=False)).double().numpy()
    theirs = LogisticRegression(C=C, tol=1e-9, max_iter=5000).fit(standard, y.numpy())
    P = theirs.predict_proba(standard)
    assert (P.max(1) > 0.999).mean() > 0.3
    assert np.abs(head.probabilities(X).numpy() - P).max() < 5e-4


def test_what_is_separable_is_separated_and_scales_do_not_matter(generator):
    X, y = rows(100, 10, 3, generator, noise=0.0)
    head = train_head(X, one_hot(y, 3), C=1e4)
    assert torch.equal(head.probabilities(X).argmax(1), y)
    scaled = train_head(1000 * X - 7, one_hot(y, 3))
    assert torch.allclose(scaled.probabilities(1000 * X - 7), train_head(X, one_hot(y, 3)).probabilities(X), atol=1e-3)


def test_a_constant_feature_and_a_label_without_rows_do_no_harm(generator):
    X, y = rows(50, 4, 2, generator)
    X[:, 1] = 3.0
    head = train_head(X, torch.cat([one_hot(y, 2), torch.zeros(50, 1)], 1))
    P = head.probabilities(X)
    assert bool(P.isfinite().all())
    assert float(P[:, 2].mean()) < 0.05


@pytest.mark.parametrize(
    ("X", "T", "C", "words"),
    [
        (torch.ones(3, 2), one_hot(torch.tensor([1, 1, 1]), 2), 1.0, "at least two labels"),
        (torch.ones(3, 2), torch.zeros(3, 2), 1.0, "every row must have a label"),
        (torch.ones(3, 2), -one_hot(torch.tensor([0, 1, 1]), 2), 1.0, "must be ≥ 0"),
        (torch.ones(3, 2), one_hot(torch.tensor([0, 1]), 2), 1.0, "targets must have shape"),
        (torch.ones(3), one_hot(torch.tensor([0, 1]), 2), 1.0, "X must have shape"),
        (torch.full((3, 2), torch.nan), one_hot(torch.tensor([0, 1, 1]), 2), 1.0, "NaN"),
        (torch.ones(3, 2), one_hot(torch.tensor([0, 1, 1]), 2), 0.0, "C must be"),
    ],
)
def test_bad_training_sets_are_one_sentence(X, T, C, words):
    with pytest.raises(InputError, match=words):
        train_head(X, T, C=C)


# ---- The file ----


def a_head(generator, k=2):
    X, y = rows(60, 5, k, generator)
    labels = tuple(range(1, k + 1))
    return Head(train_head(X, one_hot(y, k)), labels, tuple("ab"[:k]), "color", "key", (-1, -2), 480, "none"), X


def test_a_head_comes_back_from_its_file(generator, tmp_path):
    head, X = a_head(generator)
    path = tmp_path / "h.safetensors"
    path.write_bytes(head_bytes(head))
    again = read_head(path)
    assert torch.equal(again.linear.probabilities(X), head.linear.probabilities(X))
    for name in ("labels", "names", "backbone", "facet", "blocks", "max_side", "weights"):
        assert getattr(again, name) == getattr(head, name)


def test_features_of_another_width_are_one_sentence(generator):
    head, _ = a_head(generator)
    with pytest.raises(InputError, match="reads 5 numbers per patch; these features have 7"):
        head.linear.probabilities(torch.zeros(4, 7))


def test_what_is_no_head_is_one_sentence(generator, tmp_path):
    head, _ = a_head(generator)
    good = head_bytes(head)
    weight = torch.zeros(5, 2)
    about = {"format": "segcore linear head 1"}
    for content, words in (
        (b"", "damaged"),
        (b"nonsense", "damaged"),
        (good[: len(good) // 2], "damaged"),
        (save({"weight": weight}), "is no head"),
        (save({"weight": weight}, {"format": "other"}), "is no head"),
        (save({"weight": weight}, about), "damaged"),
        (save({"weight": weight, "bias": torch.zeros(2)}, {**about, "head": "{}"}), "damaged"),
        (save({"weight": weight, "bias": torch.zeros(3)}, {**about, "head": metadata(good)}), "do not fit"),
        (save({"weight": weight * torch.nan, "bias": torch.zeros(2)}, {**about, "head": metadata(good)}), "NaN"),
    ):
        with pytest.raises(InputError, match=words) as error:
            read_head(content)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="Cannot read"):
        read_head(tmp_path / "missing")


def metadata(data):
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["trained"]


def test_other_weights_have_another_fingerprint():
    torch.manual_seed(0)
    a, b = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    assert fingerprint(a) == fingerprint(a)
    assert fingerprint(a) != fingerprint(b)


# ---- The nearest marked patch ----


def test_the_nearest_marked_patch_decides(generator):
    X = torch.randn(50, 6, generator=generator)
    marked, labels = X[:10], torch.arange(10) % 3
    P = nearest_labels(X, marked, labels, k=3)
    cosine = torch.nn.functional.cosine_similarity(X[:, None], marked[None], dim=-1)
    assert torch.equal(P.argmax(1), labels[cosine.argmax(1)])
    assert torch.equal(P[:10].argmax(1), labels)
    assert torch.allclose(P.sum(1), torch.ones(50))
