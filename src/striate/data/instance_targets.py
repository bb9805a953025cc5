"""Targets of detection: the objects in each image, in the pixels of its file."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from striate.data.targets import Instances, Skeleton, TargetForm, Targets, TaskKind

__all__ = ["InstanceTargets"]


@final
@dataclass(frozen=True, eq=False)
class InstanceTargets(Targets):
    """Boxes, and where there are any masks and keypoints, of each image; an image may have none."""

    objects: tuple[Instances, ...]
    skeleton: Skeleton | None = None
    task: TaskKind = "detect"
    form: ClassVar[TargetForm] = "boxes"

    def __len__(self) -> int:
        return len(self.objects)

    def target(self, i: int) -> Instances:
        return self.objects[i]

    def content(self) -> bytes:
        fields = (field for one in self.objects for field in (one.boxes, one.labels, one.masks, one.keypoints))
        return b"".join(b"-" if field is None else np.int64(len(field)).tobytes() + field.tobytes() for field in fields)
