"""How the data were read, in a few plain lines, before any image is decoded."""

from typing import Any, Final

from striate.data.source import Source
from striate.data.targets import ASKS

__all__ = ["describe_source", "source_as_json"]

_NAMED: Final = 5  # classes and kinds of ignored files that are named


def describe_source(source: Source, random_splits: str | None = "") -> tuple[str, ...]:
    """How the data were read, images and classes, splits, what was ignored, and the notes.

    `random_splits` is how splits will be made where the data have none; None where that is told later.
    """
    counts = {split: len(listing) for split, listing in source.splits.items()}
    lines = [
        f"data:    {source.location}, read as {source.kind}",
        f"         {_counted(sum(counts.values()), 'image')}, {_classes(source)}; {ASKS[source.task]} ({source.task})",
    ]
    if len(counts) > 1:
        shown = ", ".join(f"{split} {count:,}" for split, count in counts.items())
        lines.append(f"splits:  {shown}{f' ({source.split_origin})' if source.split_origin else ''}")
    if random_splits:
        lines.append(f"{'         ' if len(counts) > 1 else 'splits:  '}{random_splits}")
    elif len(counts) == 1 and random_splits is not None:
        lines.append("splits:  none in the data")
    skipped = sum(len(listing.skipped) for listing in source.splits.values())
    if skipped:
        lines.append(f"skipped: {_counted(skipped, 'file')} that cannot be used")
    if source.ignored:
        kinds = sorted(source.ignored.items(), key=lambda item: -item[1])
        shown = ", ".join(f"{count:,} {kind}" for kind, count in kinds[:_NAMED])
        more = f" and {sum(count for _, count in kinds[_NAMED:]):,} others" if len(kinds) > _NAMED else ""
        lines.append(f"ignored: {shown}{more}")
    lines += [f"note:    {note}" for note in source.notes]
    return tuple(lines)


def source_as_json(source: Source) -> dict[str, Any]:
    """The same for a program; `listed` are the images of each split before any is read, whether they can be used or not."""
    return {
        "listed": {split: len(listing) for split, listing in source.splits.items()},
        "split_origin": source.split_origin,
        "ignored": dict(source.ignored),
        "notes": list(source.notes),
    }


def _classes(source: Source) -> str:
    single, plural = ("class", "classes") if source.has_classes else ("number", "numbers")
    names = ", ".join(source.classes[:_NAMED]) + (" ..." if len(source.classes) > _NAMED else "")
    return f"{_counted(len(source.classes), single, plural)} ({names})"


def _counted(count: int, single: str, plural: str = "") -> str:
    return f"{count:,} {single if count == 1 else plural or single + 's'}"
