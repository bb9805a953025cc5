"""striate info"""

from pathlib import Path


def info(model: str, *, size: int | None = None, channels: int | None = None, classes: int | None = None) -> None:
    """Show a network layer by layer: output shape, parameters, multiply-adds, memory.

    Parameters
    ----------
    model
        a name from `striate models`, or the folder of a run
    size
        side of the picture, in pixels; what the network was made for if left out
    channels
        channels of the picture; what the network was made for if left out
    classes
        number of classes; what the network was made for if left out
    """
    from striate.cli.tables import print_summary
    from striate.jobs import summarize_model, summarize_run

    if Path(model).is_dir():
        print_summary(summarize_run(Path(model)))
    else:
        print_summary(summarize_model(model, size=size, channels=channels, classes=classes))
