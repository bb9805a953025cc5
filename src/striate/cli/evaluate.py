"""striate evaluate"""

from typing import Annotated

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.overrides import ReadingOverrides, given
from striate.data.decoding.limits import DEFAULT_LIMITS, MAX_BAD
from striate.data.settings import TestTimeAugmentation

MAX_BAD_HELP = f"{MAX_BAD.meaning} in --data; {DEFAULT_LIMITS.max_bad:g} if left out"


def evaluate(
    run: str,
    *,
    data: str | None = None,
    split: str | None = None,
    max_bad: Annotated[float | None, Parameter(help=MAX_BAD_HELP)] = None,
    device: str = "auto",
    tta: TestTimeAugmentation | None = None,
    json: Flag = False,
    quiet: Flag = False,
    settings: Annotated[ReadingOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Evaluate a finished run on its test split, or on other data.

    Parameters
    ----------
    run
        the folder of the run
    data
        data to evaluate on; if left out, that of the run
    split
        train, val or test; if left out, test if there is one. With --data, train and val include images of those splits of the run,
        and train those that the runs before it, by their weights, were trained on
    device
        auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    tta
        test-time augmentation: the image alone (none), or together with its mirror image (flip); if left out, that of the run,
        for which its thresholds and prediction intervals were chosen
    json
        print all metrics as JSON
    quiet
        show no progress
    """
    from striate.cli.closing import print_findings
    from striate.cli.console_tables import print_metrics
    from striate.jobs import evaluate as evaluate_job
    from striate.runs.metrics_json import metrics_text

    evaluated = evaluate_job(
        run,
        data,
        split,
        max_bad=max_bad,
        device=device,
        tta=tta,
        progress=not (quiet or json),
        **given(settings),
    )
    if json:
        print(metrics_text({"data": evaluated.data, "split": evaluated.split, **evaluated.as_json()}))
    else:
        if evaluated.overlap is not None:
            print(evaluated.overlap.line())
        print_findings(evaluated.findings)
        print_metrics(evaluated)
