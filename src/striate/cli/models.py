"""striate models"""

from striate.cli.flags import Flag


def models(pattern: str = "*", *, pretrained: Flag = False) -> None:
    """List the networks, or those whose name matches a pattern.

    Parameters
    ----------
    pattern
        pattern of names; * matches any text
    pretrained
        list those with published ImageNet weights: which are on this machine and which need a download
    """
    from striate.cli.model_tables import print_models, print_pretrained
    from striate.models import find_models, published_weights

    names = find_models(pattern)
    if pretrained:
        print_pretrained(published_weights(names), pattern)
    else:
        print_models(names)
