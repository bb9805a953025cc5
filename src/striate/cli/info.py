"""striate info"""

from pathlib import Path

from striate.cli.whole_numbers import WholeNumber


def info(
    model: str,
    *,
    size: WholeNumber | None = None,
    channels: WholeNumber | None = None,
    classes: WholeNumber | None = None,
    formulas: bool = False,
    objects: WholeNumber | None = None,
) -> None:
    """Show a network layer by layer: output shape, parameters, multiply-adds, memory, and what a cell sees.

    Parameters
    ----------
    model
        a name from `striate models`, or the folder of a run
    size
        side of the image, in pixels; what the network was made for if left out
    channels
        channels of the image; what the network was made for if left out
    classes
        number of classes; what the network was made for if left out
    formulas
        show how sizes, parameters and receptive fields come about
    objects
        side of the objects to recognize, in pixels; warns when no cell sees a whole one
    """
    from striate.analysis import small_receptive_field
    from striate.cli.closing import print_findings
    from striate.cli.tables import print_summary
    from striate.errors import SettingError
    from striate.jobs import summarize_model, summarize_run

    if objects is not None and objects < 1:
        raise SettingError(f"objects must be at least 1 pixel, not {objects}")
    if Path(model).is_dir():
        if channels is not None or classes is not None:
            raise SettingError(f"{model} is a run, whose channels and classes are its data's: leave the settings out")
        summary = summarize_run(Path(model), size=size)
    else:
        summary = summarize_model(model, size=size, channels=channels, classes=classes)
    print_summary(summary, formulas=formulas)
    if objects is not None:
        print_findings(small_receptive_field(summary, objects))
