"""striate resume"""

from pathlib import Path

from striate.cli.flags import Flag


def resume(run: str, *, quiet: Flag = False) -> None:
    """Resume an interrupted run from its newest valid checkpoint.

    Parameters
    ----------
    run
        the folder of the run or of the cross-validation
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing, print_cross_validation
    from striate.jobs import resume as resume_job
    from striate.jobs import resume_folds
    from striate.runs import CrossValidationFolder

    if CrossValidationFolder.is_at(Path(run)):
        print_cross_validation(resume_folds(run, progress=not quiet))
    else:
        print_closing(resume_job(run, progress=not quiet))
