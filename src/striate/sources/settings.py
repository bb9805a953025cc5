"""Settings of how data are read from disk."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, final, get_args

from striate.data.decoding.limits import DEFAULT_LIMITS, FOLLOW_LINKS, MAX_PIXELS
from striate.settings import Setting

__all__ = ["AUTO", "FORMATS", "LABEL_TASKS", "READ_TASKS", "FolderFormatName", "ReadingSettings"]

# Every format that a folder may be in other than class folders; the rows of FOLDER_FORMATS have these names.
FolderFormatName = Literal["table", "arrays", "webdataset", "coco", "voc", "yolo", "masks", "idx", "cifar", "rows"]
AUTO: Final = "auto"
LABEL_TASKS: Final = ("classify", "multilabel", "regress")  # of labels that are not drawn
READ_TASKS: Final = (*LABEL_TASKS, "segment")  # that a person may name
FORMATS: Final = (AUTO, "folders", *get_args(FolderFormatName))


@final
@dataclass(frozen=True, kw_only=True)
class ReadingSettings:
    source: Annotated[str, Setting("format of the data, recognized if left out", choices=FORMATS)] = AUTO
    class_level: Annotated[
        int | None, Setting("depth of the class folders: 1 is the top (or in train, test), 2 is one level below", 1, 2)
    ] = None
    follow_links: Annotated[bool, FOLLOW_LINKS] = DEFAULT_LIMITS.follow_links
    path_column: Annotated[str, Setting("column of a table with the image files; if left out, found by its name")] = ""
    label_column: Annotated[str, Setting("column of a table with the labels, or several separated by commas")] = ""
    split_column: Annotated[
        str,
        Setting("column of a table with train, val or test, or several such as is_valid,is_test; none uses no column"),
    ] = ""
    task: Annotated[
        str,
        Setting(
            "what labels are: one class an image, several, numbers, or masks, also from outlines of objects; found by the "
            "labels if left out",
            choices=(AUTO, *READ_TASKS),
        ),
    ] = "auto"
    image_root: Annotated[str, Setting("folder that a table's image paths start from, relative to the table")] = ""
    max_pixels: Annotated[int, MAX_PIXELS] = DEFAULT_LIMITS.max_pixels
