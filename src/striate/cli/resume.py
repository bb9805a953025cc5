"""striate resume"""


def resume(run: str, *, quiet: bool = False) -> None:
    """Go on with a run that was cut off, from its newest whole checkpoint, to the weights it would have had.

    Parameters
    ----------
    run
        the folder of the run
    quiet
        show no progress
    """
    from striate.cli.closing import print_closing
    from striate.jobs import resume as resume_job

    print_closing(resume_job(run, progress=not quiet))
