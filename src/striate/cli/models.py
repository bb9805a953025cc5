"""striate models"""


def models(pattern: str = "*") -> None:
    """List the networks, or those whose name matches a pattern.

    Parameters
    ----------
    pattern
        pattern of names; * matches any text
    """
    from striate.cli.console_tables import print_models
    from striate.models import find_models

    print_models(find_models(pattern))
