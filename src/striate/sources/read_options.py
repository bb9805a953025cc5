"""How a person wants data to be read: the format, the columns of a table, which folders are the classes, the limits."""

from dataclasses import dataclass
from typing import Final, final

from striate.data.decoding.limits import DEFAULT_LIMITS, Limits
from striate.errors import SettingError
from striate.sources.settings import AUTO
from striate.sources.tables.columns import Columns

__all__ = ["BY_NAME", "OF_FILES", "OF_TABLES", "ReadOptions"]

BY_NAME: Final = Columns()  # columns are found by their names and contents
OF_FILES: Final = "columns, source and class level are settings for files; leave them out"
OF_TABLES: Final = ("rows", "table")  # the formats that have columns


@final
@dataclass(frozen=True)
class ReadOptions:
    """The format (`source`), the columns of a table, and the level of the class folders: what is not set is detected.

    `for_training` is False for data that are only evaluated: they may have one class, and no split train.
    Raises SettingError for settings that no format takes together.
    """

    source: str = AUTO
    columns: Columns = BY_NAME
    class_level: int | None = None
    limits: Limits = DEFAULT_LIMITS
    for_training: bool = True

    def __post_init__(self) -> None:
        if self.columns.named and self.source not in (AUTO, *OF_TABLES):
            raise SettingError(
                f"source = {self.source}: only tables have columns; leave the columns out, or give source = table"
            )
        if self.class_level is not None and (self.columns.named or self.source not in (AUTO, "folders")):
            raise SettingError(
                f"class_level = {self.class_level}: only class folders have levels; "
                "leave it out, or leave out the columns and the source"
            )

    @property
    def is_of_files(self) -> bool:
        """Whether it holds a setting that only files on a disk have."""
        return self.columns.named or (self.source, self.class_level) != (AUTO, None)
