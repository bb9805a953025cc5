"""The classifier that a run fitted on features: its manifest describes it, so that a resumed run need not fit it again."""

from striate.models import HeadDescription, Network, build_head, replace_classifier
from striate.runs.folder import RunFolder

__all__ = ["record_head", "recorded_head", "restore_head"]


def record_head(folder: RunFolder, head: HeadDescription) -> None:
    """Describe a fitted classifier in the manifest, before the first checkpoint holds its weights."""
    folder.write_manifest({**folder.manifest(), "head": head.as_json()})


def recorded_head(folder: RunFolder) -> HeadDescription | None:
    """The description of the classifier that the run fitted; None where it fitted none."""
    stored = folder.manifest().get("head")
    return None if stored is None else HeadDescription.from_json(stored)


def restore_head(folder: RunFolder, network: Network) -> None:
    """Put the classifier that the run fitted into its network; a checkpoint has its weights."""
    head = recorded_head(folder)
    if head is not None:
        replace_classifier(network, build_head(head))
