"""striate resume"""

from pathlib import Path


def resume(run: str, *, quiet: bool = False) -> None:
    """Go on with a run that was cut off, from its newest whole checkpoint, to the weights it would have had.

    Parameters
    ----------
    run
        the folder of the run, or of all folds of a cross-validation
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing, print_folds
    from striate.jobs import resume as resume_job
    from striate.jobs import resume_folds
    from striate.runs import FoldsFolder

    if FoldsFolder.is_at(Path(run)):
        print_folds(resume_folds(run, progress=not quiet))
    else:
        print_closing(resume_job(run, progress=not quiet))
