"""Damaged images by the thousand, the same ones every time, and what becomes of each.

    python -m tests.data.decoding.mutants 800

Run as a program of its own, so that a crash, a hang or the memory of one image is visible from outside. It prints JSON:
how often each format ended in each verdict, the most processor time and the most memory that one image took.
"""

import io
import json
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from striate.data import Canvas, Header, Limits, Unreadable, decode_image, read_header, read_image

FORMATS: Final = ("JPEG", "progressive JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "NPY")
CANVASES: Final = (Canvas(24, 32, 3), Canvas(40, 24, 1), Canvas(16, 16, 4, 16))

Random = np.random.Generator
TIFF_KINDS: Final = (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")


def healthy(kind: str, random: Random) -> bytes:
    """An image of up to 150 x 150 in one of the flavours of a format; some carry an EXIF block and a color profile."""
    height, width = (int(side) for side in random.integers(20, 150, 2))
    coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    if kind == "NPY":
        return array_file(np.asarray(image), random)
    mode = str(random.choice({"GIF": ["P"], "JPEG": ["RGB", "L", "CMYK"]}.get(kind.split()[-1], ["RGB", "L", "RGBA"])))
    how: dict[str, Any] = {}
    if random.random() < 0.5 and kind not in ("GIF", "BMP"):
        exif = Image.Exif()
        exif[0x0112] = int(random.integers(1, 9))
        how |= {"exif": exif.tobytes(), "icc_profile": random.bytes(200)}
    if kind == "TIFF":
        how["compression"] = TIFF_KINDS[int(random.integers(len(TIFF_KINDS))) if mode != "RGBA" else 1]
    if kind in ("PNG", "TIFF") and random.random() < 0.2:
        image, mode = Image.fromarray(random.integers(0, 65536, (height, width), dtype=np.uint16)), "I;16"
        how.pop("compression", None)
    if kind == "WEBP":
        how["lossless"] = bool(random.random() < 0.5)
    if kind in ("PNG", "GIF", "WEBP") and random.random() < 0.2:
        how |= {"save_all": True, "append_images": [image.convert(mode).rotate(90) for _ in range(2)]}
    how["progressive"] = kind == "progressive JPEG"
    content = io.BytesIO()
    image.convert(mode).save(content, kind.split()[-1], **how)
    return content.getvalue()


def array_file(pixels: np.ndarray, random: Random) -> bytes:
    dtype = ("uint8", "uint16", ">u2", "float32", "float16", "int32", "bool")[int(random.integers(7))]
    channels = int(random.integers(1, 6))
    values = pixels.repeat(2, -1)[..., :channels].astype(float)
    values = values / 255 if np.dtype(dtype).kind in "bf" else values
    content = io.BytesIO()
    np.save(
        content, np.asarray(values[..., 0] if channels == 1 else values, order=("C", "F")[channels % 2]).astype(dtype)
    )
    return content.getvalue()


def lying(kind: str, content: bytes, height: int, width: int) -> bytes:
    """The same small file, whose header declares `height` x `width` pixels (WebP: lossless, VP8L)."""
    if kind == "PNG":
        chunk = b"IHDR" + struct.pack(">II", width, height) + content[24:29]
        return content[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]
    if "JPEG" in kind:
        frame = (
            content.index(b"\xff\xc2" if "progressive" in kind else b"\xff\xc0") + 5
        )  # length, precision come before
        return content[:frame] + struct.pack(">HH", height, width) + content[frame + 4 :]
    if kind == "GIF":
        return content[:6] + struct.pack("<HH", width, height) + content[10:]
    if kind == "BMP":
        return content[:18] + struct.pack("<ii", width, height) + content[26:]
    if kind == "WEBP":  # a signature byte, then 14 bits of width - 1 and 14 of height - 1
        return content[:21] + struct.pack("<I", width - 1 | height - 1 << 14) + content[25:]
    if kind == "NPY":
        end = content.index(b"\n")
        header = content[10:end].decode("latin1").rstrip()
        before, after = header.split("'shape': (")
        header = f"{before}'shape': ({height}, {width}{after[after.index(')') :]}".ljust(end - 10)
        return content[:8] + struct.pack("<H", len(header) + 1) + header.encode() + content[end:]
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    changed = bytearray(content)
    for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
        (tag,) = struct.unpack_from("<H", content, entry)
        if tag in (256, 257):  # ImageWidth, ImageLength
            struct.pack_into("<HII", changed, entry + 2, 4, 1, width if tag == 256 else height)
    return bytes(changed)


def flip_bits(content: bytes, kind: str, random: Random) -> bytes:
    damaged = bytearray(content)
    reach = (
        len(damaged) if random.random() < 0.5 else min(len(damaged), 120)
    )  # in the header, where sizes and offsets are
    for _ in range(int(random.integers(1, 20))):
        damaged[int(random.integers(8, reach))] ^= 1 << int(random.integers(8))
    return bytes(damaged)


def zero_a_run(content: bytes, kind: str, random: Random) -> bytes:
    first = int(random.integers(8, len(content)))
    count = min(int(random.integers(1, 64)), len(content) - first)
    return content[:first] + bytes(count) + content[first + count :]


def truncate(content: bytes, kind: str, random: Random) -> bytes:
    return content[: int(random.integers(0, len(content)))]


def zero_second_half(content: bytes, kind: str, random: Random) -> bytes:
    return content[: len(content) // 2] + bytes(len(content) - len(content) // 2)


def lie(content: bytes, kind: str, random: Random) -> bytes:
    height, width = (int(2**power) for power in random.uniform(0, 13.9, 2))
    return lying(kind, content, height, width)


def splice(content: bytes, kind: str, random: Random) -> bytes:
    """The beginning of one image with the end of another, half of the time in another format."""
    other = healthy(kind if random.random() < 0.5 else str(random.choice(FORMATS)), random)
    return content[: int(random.integers(8, len(content)))] + other[int(random.integers(0, len(other))) :]


def break_blocks(content: bytes, kind: str, random: Random) -> bytes:
    """Bytes of the EXIF block, the color profile, or else of the text of the header, made random."""
    places = [content.find(name) for name in (b"Exif", b"eXIf", b"EXIF", b"ICC", b"iCCP", b"{'descr")]
    known = [place for place in places if place >= 0] or [8]
    first = known[int(random.integers(len(known)))] + int(random.integers(0, 24))
    count = min(int(random.integers(1, 40)), max(0, len(content) - first))
    return content[:first] + random.bytes(count) + content[first + count :]


DAMAGES: Final[tuple[Callable[[bytes, str, Random], bytes], ...]] = (
    flip_bits,
    zero_a_run,
    truncate,
    zero_second_half,
    lie,
    splice,
    break_blocks,
)


def mutants(count: int) -> Iterator[tuple[str, bytes]]:
    """`count` damaged images, each with the format that it once was."""
    for i in range(count):
        random = np.random.default_rng(i)
        kind = FORMATS[i % len(FORMATS)]
        damage = DAMAGES[i // len(FORMATS) % len(DAMAGES)]
        yield kind, damage(healthy(kind, random), kind, random)


def verdict(content: bytes, canvas: Canvas) -> str:
    """ "pixels", or the reason. The three readers must agree: whatever refuses a header refuses its image too."""
    limits, shapes, reasons = Limits(), [], []
    for read in (read_header, read_image, lambda content, limits: decode_image(content, canvas, limits)):
        try:
            result = read(content, limits)
        except Unreadable as failure:
            reasons.append(failure.reason if failure.detail.isprintable() else f"not printable: {failure.detail!r}")
        else:
            shapes.append(
                (result.height, result.width, result.channels) if isinstance(result, Header) else result.shape
            )
    if len(shapes) == 3:
        assert shapes[1:] == [shapes[0], canvas.shape]
        return "pixels"
    assert len(shapes) > 0 or len(set(reasons)) == 1, reasons
    return reasons[-1]


def memory(what: str) -> int:
    """Bytes in memory of this process: VmRSS now, VmHWM the most since `forget_peak`."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def survey(count: int) -> Mapping[str, Any]:
    verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in FORMATS}
    slowest = most_memory = 0.0
    for i, (kind, content) in enumerate(mutants(count)):
        forget_peak()
        before, start = memory("VmRSS"), time.process_time()
        verdicts[kind][verdict(content, CANVASES[i % len(CANVASES)])] += 1
        slowest = max(slowest, time.process_time() - start)
        most_memory = max(most_memory, memory("VmHWM") - before)
    return {"verdicts": verdicts, "slowest": slowest, "most_memory": most_memory}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(survey(int(sys.argv[1]))))
