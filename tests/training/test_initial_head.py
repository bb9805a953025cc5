"""The head that is fitted on features: the loss of epoch 0 is that of fine-tuning."""

import torch
import torch.nn.functional as F

from striate.data import ClassTargets
from striate.models import classifier_features, create_model
from striate.tasks import Classify, EmbeddedSamples
from striate.training.initial_head import fit_initial_head

CLASSES = ("a", "b", "c")


def test_the_loss_of_epoch_0_is_that_of_the_later_epochs() -> None:
    """With their label smoothing and weights of classes; what is fitted does not depend on the smoothing."""
    network = create_model("bn_gap_cnn", classes=len(CLASSES))
    labels = torch.arange(24) % len(CLASSES)
    embeddings = torch.randn(24, classifier_features(network), generator=torch.Generator().manual_seed(0))
    embeddings += 4 * labels[:, None]
    samples = EmbeddedSamples(embeddings, ClassTargets(labels.numpy()), torch.ones(24), torch.arange(24), seed=0)
    weights = torch.tensor([0.5, 1.0, 1.5])

    def fit(smoothing: float) -> float:
        task = Classify(CLASSES, smoothing, weights)
        head = fit_initial_head(network, task, "linear", task.head_fit("linear"), samples, torch.arange(24), 0.0)
        logits = head.fitted.module(embeddings)
        each = F.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing, reduction="none")
        torch.testing.assert_close(head.loss, each.mean().item())
        assert head.metrics[0].value == (logits.argmax(1) == labels).double().mean()
        return head.loss

    assert fit(0.2) > fit(0.0) + 0.1
