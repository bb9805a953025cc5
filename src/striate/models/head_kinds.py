"""The kinds of heads that a network's classifier can be, and a head's description, from which it is built without its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from striate.errors import SettingError, nearest

__all__ = ["HEADS", "HeadDescription", "HeadKind"]

MAX_SIDE: Final = 2**20  # embedding dimensions, classes
MAX_NUMBERS: Final = 2**30  # in a head's largest tensor: 4 GiB


@final
@dataclass(frozen=True)
class HeadKind:
    """What a head is.

    module: the function of `models/heads.py` that builds it. trainable: a loss can train it, with soft labels and weights of
    classes, and fine-tuning starts from it. stores_samples: it keeps the embeddings that it was fitted on.
    """

    description: str
    module: str
    trainable: bool = True
    stores_samples: bool = False


HEADS: Final[Mapping[str, HeadKind]] = {
    "linear": HeadKind("linear layer, trained with the network", "linear"),
    "logistic": HeadKind("logistic regression on the embeddings", "linear"),
    "svm": HeadKind("linear support vector machine, one class against the rest", "linear"),
    "knn": HeadKind(
        "vote of the nearest training images by cosine similarity of centered embeddings",
        "nearest_neighbors",
        trainable=False,
        stores_samples=True,
    ),
    "prototype": HeadKind(
        "nearest class mean of centered embeddings of length 1", "linear_on_unit_length", trainable=False
    ),
}


@final
@dataclass(frozen=True, kw_only=True)
class HeadDescription:
    """The kind and the sizes of a head; `samples` (stored embeddings) and `neighbors` (that vote) are 0 unless it stores some.

    Raises SettingError for an unknown kind, and for sizes that no head has.
    """

    kind: str
    features: int
    classes: int
    samples: int = 0
    neighbors: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in HEADS:
            raise SettingError(f"there is no head {self.kind!r}{nearest(str(self.kind), HEADS)}")
        sizes = {
            "features": self.features,
            "classes": self.classes,
            "samples": self.samples,
            "neighbors": self.neighbors,
        }
        if wrong := [name for name, size in sizes.items() if type(size) is not int]:
            raise SettingError(f"head {self.kind}: {wrong[0]} is {sizes[wrong[0]]!r}, not a whole number")
        for name in ("features", "classes"):
            if not 1 <= sizes[name] <= MAX_SIDE:
                raise SettingError(f"head {self.kind}: {name} must be from 1 to {MAX_SIDE}, not {sizes[name]}")
        stores = HEADS[self.kind].stores_samples
        if not (1 <= self.neighbors <= self.samples if stores else self.neighbors == self.samples == 0):
            raise SettingError(
                f"head {self.kind}: {self.neighbors} neighbors of {self.samples} samples; "
                + ("at least 1 and at most all can vote" if stores else "only knn has any")
            )
        if max(self.samples, self.classes) * self.features > MAX_NUMBERS:
            raise SettingError(
                f"head {self.kind}: {max(self.samples, self.classes)} x {self.features} numbers are more than "
                f"{MAX_NUMBERS}, the most that a head may have"
            )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> "HeadDescription":
        """The inverse of `as_json`. Raises SettingError for anything else."""
        fields = cls.__dataclass_fields__.keys()
        if not isinstance(stored, dict) or stored.keys() != fields:
            raise SettingError(f"the description of a head has {', '.join(fields)}, not {str(stored)[:80]}")
        return cls(**stored)
