"""striate info"""

from pathlib import Path

from striate.cli.flags import Flag
from striate.cli.whole_numbers import WholeNumber


def info(
    model: str,
    *,
    size: WholeNumber | None = None,
    channels: WholeNumber | None = None,
    classes: WholeNumber | None = None,
    formulas: Flag = False,
    object_size: WholeNumber | None = None,
) -> None:
    """Show a network layer by layer.

    Parameters
    ----------
    model
        a name from `striate models`, or the folder of a run
    size
        side of the image, in pixels; if left out, as published
    channels
        channels of the image; if left out, as published
    classes
        number of classes; if left out, as published
    formulas
        show how shapes, parameters and receptive fields are computed
    object_size
        side of the objects to recognize, in pixels; warns if the receptive field of the last stage is smaller
    """
    from striate.analysis import small_receptive_field
    from striate.cli.closing import print_findings
    from striate.cli.console_tables import print_summary
    from striate.errors import SettingError
    from striate.jobs import summarize_model, summarize_run

    if object_size is not None and object_size < 1:
        raise SettingError(f"object_size must be at least 1 pixel, not {object_size}")
    if Path(model).is_dir():
        if channels is not None or classes is not None:
            raise SettingError(
                f"{model} is a run, whose channels and classes are those of its data: leave the options out"
            )
        summary = summarize_run(Path(model), size=size)
    else:
        summary = summarize_model(model, size=size, channels=channels, classes=classes)
    print_summary(summary, formulas=formulas)
    if object_size is not None:
        print_findings(small_receptive_field(summary, object_size))
