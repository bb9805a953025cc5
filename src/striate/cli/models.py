"""striate models"""


def models(pattern: str = "*") -> None:
    """List the networks, or those whose name matches a pattern.

    Parameters
    ----------
    pattern
        pattern of names; * matches any text
    """
    from striate.cli.console_tables import print_models
    from striate.errors import SettingError, nearest
    from striate.models import NETWORKS, list_models

    names = list_models(pattern) or list_models(f"*{pattern}*")
    if not names:
        raise SettingError(f"no network matches {pattern!r}{nearest(pattern, NETWORKS)}")
    print_models(names)
