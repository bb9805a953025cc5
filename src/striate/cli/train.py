"""striate train"""

from dataclasses import asdict, field, make_dataclass
from typing import Annotated, Any

from cyclopts import Group, Parameter

from striate.training import settings_taken

# The help shows the settings in these groups; each begins with the setting named here.
GROUPS = {
    "model": "Network and picture",
    "epochs": "Steps",
    "weight_decay": "Regularization and stopping",
    "augment": "Augmentation",
    "val": "Data and machine",
}


def _overrides() -> type:
    """A record of all settings in which None means that the user said nothing."""
    group, rows = "", []
    for name, (kind, meaning) in settings_taken().items():
        group = GROUPS.get(name, group)
        says = f"{meaning.says}: {', '.join(meaning.choices)}" if meaning.choices else meaning.says
        shown = Parameter(
            help=says, group=Group(group, sort_key=list(GROUPS.values()).index(group)), show_default=False
        )
        rows.append((name, Annotated[kind | None, shown], field(default=None)))
    record = make_dataclass("Overrides", rows, kw_only=True)
    record.__module__ = __name__  # cyclopts looks a class up where it says it lives
    return record


Overrides: Any = _overrides()


def train(
    data: str,
    *,
    recipe: str | None = None,
    out: str | None = None,
    quiet: bool = False,
    settings: Annotated[Overrides | None, Parameter(name="*")] = None,
) -> None:
    """Train a network and leave a run folder: weights, figures, predictions and a report.

    A setting that is given here wins over the recipe; the report says where each value came from.

    Parameters
    ----------
    data
        `mnist`, or a folder with one sub-folder of pictures for each class (also below train, val and test), or of idx files
    recipe
        settings by name (mnist-fast, mnist, mnist-best, photos, cifar10) or a TOML file, as a run leaves one
    out
        the run folder, which must not exist yet; runs/DATA-MODEL if left out
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing, print_folds
    from striate.jobs import train as train_job
    from striate.jobs import train_folds

    said = {name: value for name, value in asdict(settings or Overrides()).items() if value is not None}
    if said.get("folds") and not said.get("fold"):
        print_folds(train_folds(data, recipe=recipe, out=out, progress=not quiet, **said))
    else:
        print_closing(train_job(data, recipe=recipe, out=out, progress=not quiet, **said))
