"""striate evaluate"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from striate.cli.overrides import ReadingOverrides, given


def evaluate(
    run: str,
    *,
    data: str | None = None,
    split: str | None = None,
    max_bad: float | None = None,
    device: str = "auto",
    json: bool = False,
    settings: Annotated[ReadingOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Measure a finished run on its test images, or on other data with the same classes.

    Images of other data that the run was trained on, or that chose its epoch, are left out, whatever they are called now.

    Parameters
    ----------
    run
        the folder of the run
    data
        data to measure on; those of the run if left out
    split
        train, val or test; test if there is one. Of other data, train or val measures also images that the run learned from
    max_bad
        largest share of files of other data that may be unreadable; 0.05 if left out
    device
        where the figures are computed: auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    json
        print all figures as JSON
    """
    from striate.cli.closing import print_findings
    from striate.cli.tables import print_figures
    from striate.jobs import evaluate as evaluate_job
    from striate.runs import RunFolder
    from striate.runs.figures import figures_text

    evaluated = evaluate_job(RunFolder.open(Path(run)), data, split, max_bad=max_bad, device=device, **given(settings))
    if json:
        print(figures_text({"data": evaluated.data, "split": evaluated.split, **evaluated.as_json()}))
    else:
        for line in evaluated.understood:
            print(line)
        if evaluated.account is not None:
            print(evaluated.account.line())
        print_findings(evaluated.findings)
        print_figures(evaluated)
