"""Heads as modules: they predict as scikit-learn, export, and are built again from their description."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from striate.errors import SettingError
from striate.models import (
    HEADS,
    NETWORKS,
    HeadDescription,
    build_head,
    classifier_features,
    create_model,
    replace_classifier,
)
from striate.models.heads import NearestNeighbors, UnitNormalization
from striate.models.pretrained import CONVOLUTION_LAST, PACKAGED, PRETRAINED

DESCRIPTIONS = [
    HeadDescription(kind=kind, features=5, classes=3)
    if kind != "knn"
    else HeadDescription(kind="knn", features=5, classes=3, samples=7, neighbors=2)
    for kind in HEADS
]


def nearest_neighbors(samples, labels, classes: int, neighbors: int) -> NearestNeighbors:
    module = NearestNeighbors(samples.shape[0], samples.shape[1], classes, neighbors)
    module.load_state_dict(
        {"samples": torch.as_tensor(samples), "labels": torch.as_tensor(labels), "scale": torch.ones(())}
    )
    return module


def random_head(description: HeadDescription) -> nn.Module:
    head = build_head(description)
    generator = torch.Generator().manual_seed(0)
    for value in head.state_dict().values():
        value.copy_(torch.randint(0, 3, value.shape, generator=generator))
    return head


@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(1, 30), features=st.integers(1, 20), classes=st.integers(1, 5))
def test_the_vote_equals_that_of_scikit_learn_ties_included(data, n, features, classes):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    neighbors = data.draw(st.integers(1, n))
    samples, labels = rng.integers(0, 4, (n, features)).astype(np.float32), rng.integers(0, classes, n)
    queries = rng.integers(0, 4, (9, features)).astype(np.float32)
    logits = nearest_neighbors(samples, labels, classes, neighbors)(torch.from_numpy(queries))
    oracle = KNeighborsClassifier(neighbors, algorithm="brute").fit(samples, labels)
    distances = np.sort(((queries[:, None] - samples) ** 2).sum(2), 1)  # exact: small integers
    # where not all of several equally far samples can vote, scikit-learn's choice among them depends on its algorithm
    decided = np.ones(9, bool) if neighbors == n else distances[:, neighbors - 1] < distances[:, neighbors]
    assert (logits.argmax(1).numpy() == oracle.predict(queries))[decided].all()
    shares = np.zeros((9, classes))
    shares[:, oracle.classes_] = oracle.predict_proba(queries)
    expected = (shares * neighbors + 1 / classes) / (neighbors + 1)
    np.testing.assert_allclose(logits.softmax(1).numpy()[decided], expected[decided], atol=1e-6)


def test_of_equally_far_samples_the_first_vote():
    samples = np.array([[2.0], [0.0], [2.0], [2.0]], np.float32)
    logits = nearest_neighbors(samples, np.array([2, 0, 1, 1]), 3, 2)(torch.tensor([[1.9]]))
    assert logits.exp().tolist()[0] == pytest.approx([1 / 9, 4 / 9, 4 / 9])
    assert logits.argmax() == 1


def test_copies_of_an_image_are_equally_far_in_any_place():
    """Sums of products may be rounded differently in the last rows of a matrix."""
    unit = nn.functional.normalize(torch.randn(6, 1280, generator=torch.Generator().manual_seed(0)))
    one, queries = unit.split((1, 5))
    labels = np.array([4, *[0, 1, 2, 3] * 3])
    for neighbors in range(1, 13):
        logits = nearest_neighbors(one.expand(13, -1).numpy(), labels, 5, neighbors)(queries)
        votes = np.bincount(labels[:neighbors], minlength=5)
        np.testing.assert_allclose(logits.exp(), np.tile((votes + 0.2) / (neighbors + 1), (5, 1)), rtol=1e-5)


def test_autocast_does_not_round_distances():
    rng = np.random.default_rng(0)
    samples = (100 + rng.random((50, 8))).astype(np.float32)
    module, x = nearest_neighbors(samples, np.arange(50), 50, 1), torch.from_numpy(samples + 1e-3)
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).argmax(1).tolist() == list(range(50))


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda one: one.kind)
def test_the_description_builds_the_same_module(description):
    head = random_head(description)
    again = HeadDescription.from_json(json.loads(json.dumps(description.as_json())))
    assert again == description
    twin = build_head(again)
    twin.load_state_dict(head.state_dict())
    x = torch.randn(4, 5)
    assert torch.equal(twin(x), head(x))
    assert head(x).shape == (4, 3)
    assert head(x).isfinite().all()


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda one: one.kind)
def test_heads_export_with_a_batch_of_any_size(description):
    head, x = random_head(description), torch.randn(4, 5)
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(head, (x,), dynamic_shapes=({0: batch},)).module()
    for images in (x, x[:1]):
        torch.testing.assert_close(exported(images), head(images))


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=lambda one: one.kind)
def test_those_that_are_trainable_have_parameters_and_pass_gradients_on(description):
    head, x = random_head(description), torch.randn(4, 5, requires_grad=True)
    assert bool(list(head.parameters())) == (description.kind != "knn")
    if description.kind != "knn":
        head(x).square().sum().backward()
        assert x.grad is not None
        assert x.grad.any()


def test_an_embedding_at_the_center_has_length_zero_and_finite_logits():
    module = UnitNormalization(3)
    module.center.fill_(2)
    assert module(torch.full((1, 3), 2.0)).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "forest"}, "there is no head 'forest'; known: knn, linear, logistic, prototype, svm"),
        ({"kind": 3}, "there is no head 3"),
        ({"kind": ["knn"]}, "there is no head"),
        ({"features": 0}, "features must be from 1"),
        ({"features": -1280}, "features must be from 1"),
        ({"classes": 10**12}, "classes must be from 1"),
        ({"classes": 3.0}, "classes is 3.0, not a whole number"),
        ({"classes": True}, "classes is True, not a whole number"),
        ({"samples": 10**10}, "are more than 1073741824"),
        ({"samples": -7}, "2 neighbors of -7 samples"),
        ({"neighbors": 8}, "8 neighbors of 7 samples"),
        ({"neighbors": 0}, "0 neighbors of 7 samples"),
        ({"kind": "svm"}, "only knn has any"),
        ({"weights": "x"}, "the description of a head has kind, features, classes, samples, neighbors, not"),
    ],
)
def test_descriptions_that_no_head_has_are_refused(changes, message):
    stored = {"kind": "knn", "features": 5, "classes": 3, "samples": 7, "neighbors": 2}
    with pytest.raises(SettingError, match=message):
        HeadDescription.from_json({**stored, **changes})


@pytest.mark.parametrize("stored", [None, [], "knn", {}, {"kind": "knn"}])
def test_what_is_no_description_is_refused(stored):
    with pytest.raises(SettingError, match="the description of a head has"):
        HeadDescription.from_json(stored)


def test_the_head_takes_the_place_of_the_main_classifier():
    network = create_model("googlenet", classes=4, size=32).train()
    images = torch.randn(2, 3, 64, 64)
    head = random_head(
        HeadDescription(kind="knn", features=classifier_features(network), classes=3, samples=4, neighbors=1)
    )
    replace_classifier(network, head)
    assert head.training
    assert network.fc is head
    network.eval()
    embeddings = []
    hook = head.register_forward_pre_hook(lambda _, given: embeddings.append(given[0]))
    logits = network(images)
    hook.remove()
    assert torch.equal(logits, head(embeddings[0]))
    replace_classifier(network, nn.Linear(1024, 7))  # a head that has no parameters is replaced as well
    assert network(images).shape == (2, 7)


def test_the_networks_with_published_weights_that_end_in_a_convolution_are_listed():
    """One network of each file."""
    names = {NETWORKS[name].module: name for name in (*PACKAGED, *PRETRAINED)}
    refused = set()
    for module, name in names.items():
        with torch.device("meta"):
            network = create_model(name, classes=2)
        try:
            classifier_features(network)
        except SettingError:
            refused.add(module)
    assert refused == {NETWORKS[name].module for name in CONVOLUTION_LAST}
    assert {name for name in PRETRAINED if NETWORKS[name].module in refused} == CONVOLUTION_LAST


@pytest.mark.parametrize("name", ["squeezenet1_0", "nin"])
def test_a_classifier_that_is_a_convolution_stays(name):
    network = create_model(name, classes=4)
    message = "classifies with a convolution, which no head fitted on features can replace: use another network"
    with pytest.raises(SettingError, match=message):
        classifier_features(network)
    with pytest.raises(SettingError, match=message):
        replace_classifier(network, nn.Linear(512, 4))
