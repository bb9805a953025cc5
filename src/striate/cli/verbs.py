"""What each verb does, here and not in its own file, so that `striate --help` need not load it."""

from typing import NamedTuple

__all__ = ["OVERVIEW", "VERBS", "Verb", "overview"]

OVERVIEW = """A workbench for convolutional networks.

Start with `striate train mnist`, or with `striate train FOLDER`, where FOLDER has one sub-folder of images for each class.
"""


class Verb(NamedTuple):
    """What a verb does, in a line and in full, and an example that works."""

    summary: str
    details: str
    example: str
    arguments: str = ""  # as the line on its usage names them; derived where it is empty

    @property
    def help(self) -> str:
        return f"{self.summary}\n\n{self.details}"


VERBS = {
    "check": Verb(
        "Check data before training, and show what is wrong with it.",
        "Writes a page, check-NAME.html in the current folder, and changes nothing in the data. "
        "The exit code is 0 if the data can be used, 1 if a finding has the severity stop, and 2 if the data cannot be read.",
        "striate check photos --out photos.html",
    ),
    "train": Verb(
        "Train a network on images.",
        "Creates a run folder with the weights, the metrics, the predictions and a report. A setting given here overrides the "
        "recipe; the report shows where each value comes from.",
        "striate train mnist --epochs 2 --out runs/digits",
    ),
    "lr": Verb(
        "Find a learning rate before training.",
        "A range test: trains a few steps as `striate train` would, with a rate that grows until the loss diverges. Prints the "
        "loss over the rate, a rate with the rule that chose it, and the command that trains with it; writes the chart as an SVG.",
        "striate lr mnist --out digits.svg",
    ),
    "augment": Verb(
        "Show images before and after augmentation.",
        "Writes a PNG. Each row is an image: the original, then its augmented views of the first epochs, with boxes, masks and "
        "keypoints transformed too. The images are of each class in turn.",
        "striate augment mnist --rotate 20 --out digits.png",
    ),
    "resume": Verb(
        "Resume an interrupted run.",
        "Continues from the newest valid checkpoint, and ends with the same weights as an uninterrupted run.",
        "striate resume runs/digits",
    ),
    "runs": Verb(
        "List the runs in a folder.",
        "Their status, data, network, recipe, main figure with its 95 % interval, and how long they took; the newest first. A "
        "cross-validation is one run. A run is interrupted if it is not finished and no process works on it.",
        "striate runs --sort figure",
        "[OPTIONS] [FOLDER]",
    ),
    "evaluate": Verb(
        "Evaluate a finished run on its test split, or on other data.",
        "Other data must have the same classes. Images that the run was trained on, or that chose its epoch, are excluded, "
        "whatever their names are.",
        "striate evaluate runs/digits --split test",
    ),
    "predict": Verb(
        "Predict classes, numbers or masks of images.",
        "Prints a row for each image, in order; a file that cannot be read has an error instead of a prediction. The exit code "
        "is 2 if no file can be read.",
        "striate predict runs/digits digit.png",
        "[OPTIONS] RUN IMAGES...",
    ),
    "features": Verb(
        "Write the features that a network finds in images, for other programs.",
        "Writes a .npz with the embedding, id, label and split of each image, and a page beside it that shows them on a plane. The "
        "network has ImageNet weights, those of a file, or is that of a run.",
        "striate features photos --out features.npz",
    ),
    "models": Verb(
        "List the networks.",
        "Their size, cost, published accuracy and paper; with --pretrained those with published weights.",
        "striate models 'res*'",
        "[OPTIONS] [PATTERN]",
    ),
    "recipes": Verb(
        "List the recipes, or show the settings of one.",
        "What each is for, and what it reached. With a name: its settings, each with where it comes from, as a TOML file to save, "
        "edit and pass to `striate train --recipe FILE`.",
        "striate recipes mnist",
        "[NAME]",
    ),
    "info": Verb(
        "Show a network layer by layer.",
        "Output shape, parameters, multiply-adds, memory and receptive field of each layer.",
        "striate info lenet5",
    ),
    "version": Verb(
        "Show the versions of striate and its dependencies.", "Include them in bug reports.", "striate version"
    ),
}


def overview() -> str:
    """The text of `striate --help`."""
    lines = [f"  {name:<11} {verb.summary}" for name, verb in VERBS.items()]
    options = ["Options:", f"  {'--version':<11} Show the version and exit."]
    end = "`striate COMMAND --help` shows the options of a command."
    return "\n".join(["Usage: striate COMMAND", "", OVERVIEW, "Commands:", *lines, "", *options, "", end])
