"""The data of a run as its network is trained on them: decoded, split, with their preprocessing and their augmentation."""

from dataclasses import dataclass
from typing import final

import torch

from striate.data import Batches, LabeledImages, SkippedFile, Splits, windows_of
from striate.data.drawing.augmented_views import augmented_contact_sheet
from striate.data.settings import Place
from striate.data.windows import Windows
from striate.findings import Finding
from striate.runs.bundle import Preprocessing
from striate.training import Recipe, ResolvedRecipe
from striate.views import Policy, changes_views

__all__ = ["PreparedData"]


@final
@dataclass(frozen=True)
class PreparedData:
    """Decoded images, the preprocessing of the network's input, and the audit's findings."""

    splits: Splits
    skipped: tuple[SkippedFile, ...]
    preprocessing: Preprocessing
    settings: ResolvedRecipe  # with those that the images decide
    policy: Policy
    place: Place  # where the decoded images are kept
    findings: tuple[Finding, ...]

    def training_batches(self, recipe: Recipe) -> Batches:
        """The training images, shuffled and augmented."""
        return Batches(
            self.splits.train,
            batch_size=recipe.training.batch_size,
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            policy=self.policy,
            seed=recipe.training.seed,
            device=torch.device(recipe.machine.device),
            equal_classes=recipe.loss.balance == "sampler",
            windows=self._training_windows,
        )

    @property
    def _training_windows(self) -> Windows | None:
        return windows_of(self.splits.train.targets, self.preprocessing.canvas, self.preprocessing.size)

    def held_out(self) -> dict[str, LabeledImages]:
        """The splits that are not trained on, by name."""
        return {name: samples for name, samples in self.splits.by_name().items() if name != "train"}

    @property
    def validation_images(self) -> int:
        """How many images choose which weights are kept."""
        return len(self.splits.val or ())

    def lost_files(self) -> list[SkippedFile]:
        """Files that became unreadable after they were first read."""
        return [one for samples in self.splits.by_name().values() for one in samples.pixels.lost]

    def augmentation_sheet(self, seed: int) -> bytes | None:
        """A PNG of a few training images and their augmented views; None where nothing is augmented."""
        if not changes_views(self.policy):
            return None
        return augmented_contact_sheet(
            self.splits.train,
            self.policy,
            seed=seed,
            size=self.preprocessing.size,
            normalization=self.preprocessing.normalization,
            windows=self._training_windows,
        )
