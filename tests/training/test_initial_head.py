"""The classifier that is fitted on features: the loss of epoch 0 is that of fine-tuning."""

import torch
import torch.nn.functional as F

from striate.models import classifier_features, create_model
from striate.training.initial_head import fit_initial_head

CLASSES = 3


def test_the_loss_of_epoch_0_is_that_of_the_later_epochs() -> None:
    """With their label smoothing and weights of classes; what is fitted does not depend on the smoothing."""
    network = create_model("bn_gap_cnn", classes=CLASSES)
    features = classifier_features(network)
    labels = torch.arange(24) % CLASSES
    embeddings = torch.randn(24, features, generator=torch.Generator().manual_seed(0)) + 4 * labels[:, None]
    weights = torch.tensor([0.5, 1.0, 1.5])

    def fit(smoothing: float) -> float:
        head = fit_initial_head(
            network, embeddings, labels, "linear", 0, 0.0, torch.arange(24), weights, label_smoothing=smoothing
        )
        logits = head.fitted.module(embeddings)
        each = F.cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing, reduction="none")
        torch.testing.assert_close(head.loss, each.mean().item())
        return head.loss

    assert fit(0.2) > fit(0.0) + 0.1
