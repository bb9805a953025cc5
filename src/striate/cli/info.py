"""striate info"""

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
    from striate.cli.closing import print_findings
    from striate.cli.console_tables import print_summary
    from striate.jobs import summarize_network

    summary, findings = summarize_network(model, size=size, channels=channels, classes=classes, object_size=object_size)
    print_summary(summary, formulas=formulas)
    print_findings(findings)
