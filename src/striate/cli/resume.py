"""striate resume"""

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
    from striate.cli.closing import print_closing
    from striate.jobs import resume_run_or_folds

    print_closing(resume_run_or_folds(run, progress=not quiet))
