"""striate features"""

from typing import Annotated, Literal

from cyclopts import Parameter

from striate.cli.flags import Flag
from striate.cli.overrides import ReadingOverrides, given
from striate.data.decoding.limits import DEFAULT_LIMITS, MAX_BAD

MAX_BAD_HELP = f"{MAX_BAD.meaning}; {DEFAULT_LIMITS.max_bad:g} if left out"


def features(
    data: str,
    *,
    weights: str = "imagenet",
    model: str | None = None,
    download: Flag = False,
    out: str | None = None,
    projection: Literal["pca", "tsne"] | None = None,
    max_bad: Annotated[float | None, Parameter(help=MAX_BAD_HELP)] = None,
    device: str = "auto",
    quiet: Flag = False,
    settings: Annotated[ReadingOverrides | None, Parameter(name="*")] = None,
) -> None:
    """Write the features that a network finds in images.

    Parameters
    ----------
    data
        data as for `striate train`
    weights
        imagenet, a file of weights of --model, or the folder of a run or bundle
    model
        the network; efficientnet_lite0 if left out, or that of the run
    download
        download ImageNet weights that are not here
    out
        the .npz to write; if left out, DATA-features.npz in the current folder. The page beside it has the same name. Only a .npz
        that this command wrote is replaced
    projection
        how the page brings features to a plane: pca, or tsne (scikit-learn); if left out, tsne for more than 50 images
    device
        auto, cpu, cuda, cuda:1, mps ...; auto is the first GPU, or else the CPU
    quiet
        show no progress
    """
    from striate.cli.closing import print_features
    from striate.jobs import features as features_job

    print_features(
        features_job(
            data,
            weights=weights,
            model=model,
            download=download,
            out=out,
            projection=projection,
            max_bad=max_bad,
            device=device,
            progress=not quiet,
            **given(settings),
        )
    )
