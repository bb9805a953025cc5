"""model.json of a bundle: JSON that ends with the digest of its content, so that a changed one is refused."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from striate.errors import RunError
from striate.runs.format import check_format

__all__ = ["FORMAT", "KEYS", "MODEL_JSON", "digest_of", "read_sealed", "sealed"]

FORMAT: Final = 3
MODEL_JSON: Final = "model.json"
KEYS: Final = frozenset(
    [
        "architecture",
        "arguments",
        "head",
        "task",
        "classes",
        "preprocessing",
        "task_arguments",
        "license",
        "provenance",
        "statistics",
        "weights",
        "golden_output",
    ]
)  # of model.json, beside its format and its digest
MAX_JSON_BYTES: Final = 16 * 2**20


def sealed(stored: dict[str, Any]) -> bytes:
    """JSON with the digest of its content as the last entry."""
    return _canonical({**stored, "digest": digest_of(stored)})


def digest_of(stored: dict[str, Any]) -> str:
    """SHA-256 of a bundle's content, its weights included, by which it is known."""
    return hashlib.sha256(_canonical(stored)).hexdigest()


def _canonical(stored: dict[str, Any]) -> bytes:
    return json.dumps(stored, indent=1, ensure_ascii=True, allow_nan=False).encode()


def read_sealed(path: Path) -> dict[str, Any]:
    """Read what `sealed` wrote, without the digest; anything else, be it one bit, is refused."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise RunError(f"{path}: is larger than the model.json of any bundle; it is not a striate bundle")
        raw = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror}); give the folder of a finished run or bundle"
        ) from None
    try:
        stored = json.loads(raw)
        digest = stored.pop("digest")
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise RunError(f"{path}: is not the model.json of a bundle, or is damaged; copy the bundle again") from None
    # Comparing bytes too refuses changes that JSON does not show: spaces, repeated keys, other spellings of a number.
    if digest_of(stored) != digest or _canonical({**stored, "digest": digest}) != raw:
        raise RunError(f"{path}: was changed after it was written; copy the bundle again")
    check_format(path, stored.get("format"), FORMAT, command_in=MODEL_JSON)
    if missing := KEYS - stored.keys():
        raise RunError(f"{path}: has no {min(missing)}; it is not a striate bundle")
    return stored
