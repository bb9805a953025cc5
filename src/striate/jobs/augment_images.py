"""Show augmentation before training: a sheet of a few images, first as they are, then as each epoch augments them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from striate.audit import resolve_flips
from striate.audit.mirrored_labels import sample_of_listing
from striate.data import TaskKind
from striate.data.drawing.annotated_contact_sheet import annotated_contact_sheet
from striate.data.drawing.augmented_views import check_sheet_size
from striate.data.drawing.examples import examples
from striate.data.settings import COLUMNS, ROWS
from striate.errors import SettingError
from striate.findings import Finding
from striate.runs import write_bytes
from striate.runs.output_paths import check_contact_sheet_path, contact_sheet_path
from striate.runs.run_splits import resolve_split
from striate.runs.weights_settings import check_starting_weights, resolve_with_weights, with_model_of_weights
from striate.sources import TrainingData
from striate.training import Recipe
from striate.training.augmented_samples import augmented_samples, count_objects
from striate.training.build_network import check_settings
from striate.training.data_defaults import canvas_of
from striate.training.opening import open_data
from striate.training.recipe_choice import choose_recipe, named_recipe, possible_recipes
from striate.views import describe, mixing_steps

__all__ = ["Augmented", "augment"]


@final
@dataclass(frozen=True)
class Augmented:
    """The sheet. `steps` are the operations on a training image, in order, each after its stage.

    `recipe_name` is the recipe that `train` takes for the data too, and `by_recipe` the settings of augmentation that come
    from it. Of the `objects` in the augmented images, `dropped` are not trained on, since they mostly left the image.
    """

    path: Path
    data: str
    kind: str
    task: TaskKind
    classes: tuple[str, ...]
    has_classes: bool  # and not names of numbers
    recipe: Recipe
    recipe_name: str
    by_recipe: Mapping[str, Any]
    steps: tuple[str, ...]
    rows: int
    columns: int
    objects: int
    dropped: int
    notes: tuple[str, ...]  # on how the data were read, and on settings that they decided
    findings: tuple[Finding, ...]  # on settings of the user

    def __repr__(self) -> str:
        return f"<augmented views of {self.data}: {self.rows} images, {self.columns - 1} views of each, {self.path}>"


def augment(
    data: TrainingData,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    rows: int = ROWS,
    columns: int = COLUMNS,
    **settings: Any,
) -> Augmented:
    """Write a sheet of a few images of `data`: without augmentation, and as augmented in the epochs 1, 2, 3 ...

    out: a PNG, `DATA-augment.png` in the current folder if left out; an earlier sheet is replaced, no other file is.
    recipe and settings are those of `train`. Raises StriateError for bad input, and writes nothing then.
    """
    check_sheet_size(rows, columns)
    named = named_recipe(recipe, settings)
    settings = with_model_of_weights(settings, named)
    check_settings(settings, [named] if named else possible_recipes(settings))
    if out is not None:
        check_contact_sheet_path(Path(out))
    weights = check_starting_weights(settings, named)
    source = open_data(data, settings, named.settings if named else {})
    path = contact_sheet_path(out, data, source)
    named = named or choose_recipe(source, settings).named
    by_data = resolve_split(source, resolve_with_weights(source, named, settings, weights))
    canvas = canvas_of(source, by_data.recipe)
    if canvas.fit == "window":
        raise SettingError(
            "fit = window: a sheet shows whole images; leave it out, the report of a run shows its crops"
        )
    flips = resolve_flips(by_data, source.classes, sample_of_listing(source, canvas))
    resolved = flips.settings.recipe
    mixing = mixing_steps(resolved.augment)
    if mixing and not source.has_targets_in_memory:
        step = next(iter(mixing.values()))
        raise SettingError(f"{step}: boxes and masks are not mixed; set {' and '.join(mixing)} to 0")
    chosen = examples(source, canvas, rows)
    samples = list(augmented_samples(source, chosen, resolved, columns))
    write_bytes(path, annotated_contact_sheet(samples, source))
    objects, dropped = count_objects(samples)
    return Augmented(
        path=path,
        data=source.location,
        kind=source.kind,
        task=source.task,
        classes=source.classes,
        has_classes=source.has_classes,
        recipe=resolved,
        recipe_name=named.name,
        by_recipe=flips.settings.by_recipe("augment"),
        steps=tuple(describe(resolved.augment)),
        rows=len(chosen),
        columns=columns,
        objects=objects,
        dropped=dropped,
        notes=(*source.notes, *flips.messages),
        findings=flips.findings,
    )
