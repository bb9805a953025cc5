"""Numbers as text: no false digits, and never "100 %" where one image is misclassified."""

import math
from collections.abc import Mapping
from typing import Any

UNKNOWN = "\u2013"  # a dash


def finite(value: Any) -> float | None:
    """`value` (a number, or its text) as a float; None where it is missing, NaN or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def count(value: Any, noun: str = "") -> str:
    """10000 -> "10,000"; with a noun "10,000 images", "1 image"."""
    if finite(value) is None:
        return UNKNOWN
    text = f"{int(value):,}"
    return f"{text} {noun}{'' if int(value) == 1 else 's'}" if noun else text


def percent(share: Any, decimals: int = 1) -> str:
    """0.992 -> "99.2 %", as every share is shown to a person."""
    return f"{percent_number(share, decimals)} %"


def percent_range(low: Any, high: Any, decimals: int = 1) -> str:
    """0.981, 0.992 -> "98.1 to 99.2 %"."""
    return f"{percent_number(low, decimals)} to {percent(high, decimals)}"


def percent_number(share: Any, decimals: int = 1) -> str:
    """0.992 -> "99.2", for a column in percent; up to two more decimals where rounding gives 100 or 0 and the share is neither."""
    share = finite(share)
    if share is None:
        return UNKNOWN
    share = round(share, 12)  # an interval that ends at 1 may be computed a hair below it
    for digits in (decimals, decimals + 1, decimals + 2):
        text = f"{100 * share:.{digits}f}"
        if share in (0.0, 1.0) or float(text) not in (0.0, 100.0):
            return text
    return f"< {10.0**-digits:.{digits}f}" if share < 0.5 else f"> {100 - 10.0**-digits:.{digits}f}"


def four_digits(value: Any) -> str:
    """A number of any size to four digits: 0.02671, 12,300, 1.5e-07 -> 1.5e-7."""
    value = finite(value)
    if value is None:
        return UNKNOWN
    if 1e4 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def duration(seconds: Any) -> str:
    """12.34 -> "12.3 s"; 192 -> "3 min 12 s"; 7500 -> "2 h 5 min"."""
    seconds = finite(seconds)
    if seconds is None:
        return "not recorded"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def plain(value: Any) -> str:
    """A piece of evidence on one line."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return four_digits(value) if math.isfinite(value) else str(value)
        case Mapping():
            return ", ".join(f"{name}: {plain(one)}" for name, one in value.items()) or "none"
        case list() | tuple():
            shown = ", ".join(plain(one) for one in value[:12]) or "none"
            return f"{shown}, and {len(value) - 12:,} more" if len(value) > 12 else shown
        case _:
            return str(value)


def setting(value: Any) -> str:
    """A setting as the command line takes it, with every digit that it has; a dash where it is an empty text."""
    match value:
        case None:
            return "auto"
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
        case _:
            return str(value) or UNKNOWN
