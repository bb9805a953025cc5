"""The screen of `striate check`: what the data holds, the account of the files, the findings, and where the page is."""

from collections.abc import Mapping, Sequence

from striate.cli.print_table import print_table
from striate.jobs import Checked

MOST_CLASSES = 12  # on the screen; the page has all
MOST_FILES = 3  # of each finding


def print_check(checked: Checked, *, heading: bool) -> None:
    """`heading`: print the format of the data too, which a check that is not quiet has printed before."""
    source, inventory, files = checked.source, checked.inventory, checked.account
    single, plural = ("class", "classes") if source.has_classes else ("number", "numbers")
    names = f"{len(source.classes):,} {single if len(source.classes) == 1 else plural}"
    if heading:
        print(f"{source.name}: {source.kind}, {files.used:,} images, {names} ({source.task})")
    counts = inventory["counts"]
    if counts:
        shown = _shown_classes([sum(images[n] for images in counts.values()) for n in range(len(source.classes))])
        rows = [(source.classes[n], *(f"{images[n]:,}" for images in counts.values())) for n in shown]
        print_table([("class", False), *((split, True) for split in counts)], rows)
        if len(shown) < len(source.classes):
            half = MOST_CLASSES // 2
            print(f"only the {half} largest and the {half} smallest of {len(source.classes):,} classes are shown")
    sizes = _sizes(inventory["sizes"]["height"], inventory["sizes"]["width"])
    print(f"sizes: {sizes}; {', '.join(f'{times:,} {form}' for form, times in inventory['formats'].items())}")
    for line in inventory["survey"]["messages"]:
        print(line)
    print(
        f"files: {files.found:,} found = {files.used:,} used + {_sum(files.skipped, 'skipped')} + "
        f"{_sum(files.ignored, 'ignored')}"
    )
    for one in checked.findings:
        print(f"{one.finding.severity}: {one.finding.message} [{one.finding.id}]")
        for case in one.files[:MOST_FILES]:
            print(f"    {' = '.join(case[:4])}{' ...' if len(case) > 4 else ''}")
        if len(one.files) > MOST_FILES:
            print(f"    and {len(one.files) - MOST_FILES:,} more")
        print(f"    fix: {one.finding.fix}")
    if not checked.findings:
        print("no findings")
    if checked.curve is not None and not any(one.finding.id == "data-more-would-help" for one in checked.findings):
        print(f"learning curve: {checked.curve.message}")
    print(f"page: {checked.page}")


def _shown_classes(sizes: Sequence[int]) -> list[int]:
    """Positions of the classes to show: all of them, or the largest and the smallest, the larger first."""
    if len(sizes) <= MOST_CLASSES:
        return list(range(len(sizes)))
    ascending = sorted(range(len(sizes)), key=lambda n: sizes[n])
    half = MOST_CLASSES // 2
    return [*ascending[-half:][::-1], *ascending[:half][::-1]]


def _sizes(height: Sequence[float], width: Sequence[float]) -> str:
    """From the quartiles: minimum, median and maximum are the first, third and fifth."""
    if (height[0], width[0]) == (height[4], width[4]):
        return f"all {height[0]:.0f} x {width[0]:.0f} (height x width)"
    return (
        f"{height[0]:.0f} to {height[4]:.0f} high, {width[0]:.0f} to {width[4]:.0f} wide, median "
        f"{height[2]:.0f} x {width[2]:.0f} (height x width)"
    )


def _sum(counts: Mapping[str, int], what: str) -> str:
    """ "3 skipped (2 truncated, 1 empty file)" """
    each = ", ".join(f"{times:,} {name}" for name, times in counts.items())
    return f"{sum(counts.values()):,} {what}{f' ({each})' if each else ''}"
