"""Formats of images that are not read: named by their first bytes, or by their extension, with the way out.

Such an image is a skipped file with a reason that names what to do, and is not counted among the files that are no images.
A raw camera file is a TIFF inside, whose first image is a thumbnail; it is never taken for the image.
"""

import re
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

__all__ = ["DOCUMENTS", "START", "advice", "is_raw", "unsupported_extension", "unsupported_format"]

START: Final = 512  # bytes by which a format is recognized
DOCUMENTS: Final = frozenset(("PDF", "SVG", "PostScript"))  # that lie beside data more often than they are of them
_RAW: Final = "a raw camera file"
_CAMERAS: Final = (  # extensions of raw files
    ".cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .raf .orf .rw2 .rwl "
    ".pef .srw .x3f .3fr .fff .iiq .kdc .dcr .mrw .erf .mef .mos .raw"
)
_EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys((".heic", ".heif", ".hif"), "HEIC"),
        ".avif": "AVIF",
        ".jxl": "JPEG XL",
        **dict.fromkeys((".jp2", ".j2k", ".jpf", ".jpx", ".jpc"), "JPEG 2000"),
        **dict.fromkeys((".psd", ".psb"), "Photoshop"),
        **dict.fromkeys((".dcm", ".dicom", ".ima"), "DICOM"),
        **dict.fromkeys((".svg", ".svgz"), "SVG"),
        ".pdf": "PDF",
        **dict.fromkeys((".eps", ".ai"), "PostScript"),
        **dict.fromkeys((".exr", ".hdr"), "high dynamic range (EXR, HDR)"),
        **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm", ".pfm"), "PNM (PPM, PGM)"),
        **dict.fromkeys((".ico", ".icns", ".tga", ".dds", ".xcf"), "an image format that is rare in data sets"),
        **dict.fromkeys((".nii", ".nrrd", ".mha", ".mhd"), "a medical volume"),
        **dict.fromkeys((".fits", ".fts"), "FITS"),
        **dict.fromkeys(_CAMERAS.split(), _RAW),
    }
)
_BRANDS: Final = MappingProxyType(  # of the ISO container, bytes 8 to 12
    {
        **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"),
        **dict.fromkeys((b"avif", b"avis"), "AVIF"),
        b"crx ": _RAW,
    }
)
_STARTS: Final = (  # "." stands for any byte
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"II\*\0.{4}CR|II[RU]|IIU\0|FUJIFILMCCD-RAW|FOVb|\0MRM", _RAW),
    (rb"8BPS", "Photoshop"),
    (rb".{128}DICM", "DICOM"),
    (rb"%PDF", "PDF"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
    (rb"v/1\x01|#\?(RADIANCE|RGBE)", "high dynamic range (EXR, HDR)"),
    (rb"P[1-6]\s|P[fF]\n", "PNM (PPM, PGM)"),
    (rb"SIMPLE  =", "FITS"),
    (rb"\0\0\x01\0[\x01-\x40]\0", "an image format that is rare in data sets"),  # Windows icon
)
_ADVICE: Final = MappingProxyType(
    {
        "DICOM": "save its pixels as PNG, 16-bit TIFF or .npy (pydicom reads them)",
        "a medical volume": "save its slices as PNG, 16-bit TIFF or .npy (nibabel reads them)",
        "FITS": "save its pixels as 16-bit TIFF or .npy (astropy reads them)",
        "high dynamic range (EXR, HDR)": "save its pixels as 16-bit TIFF or .npy",
        "SVG": "draw it as PNG",
        "PDF": "save its pages as PNG (pdftoppm -png)",
        _RAW: "develop it to JPEG or 16-bit TIFF",
    }
)


def unsupported_format(start: bytes) -> str | None:
    """The format of an image that is not read, by the first START bytes of the file; None for anything else."""
    if start[4:8] == b"ftyp":
        return _BRANDS.get(start[8:12])
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text):
        return "SVG"
    return next((name for pattern, name in _STARTS if re.match(pattern, start, re.DOTALL)), None)


def unsupported_extension(name: str) -> str | None:
    """The format that is not read, by a file's extension; None for anything else."""
    lower = name.lower()
    return "a medical volume" if lower.endswith(".nii.gz") else _EXTENSIONS.get(PurePath(lower).suffix)


def is_raw(name: str) -> bool:
    """Whether a file has the extension of a raw camera file."""
    return unsupported_extension(name) == _RAW


def advice(form: str) -> str:
    """What the format is and what to do, in one line: "HEIC, which is not supported; convert it to JPEG or PNG"."""
    return f"{form}, which is not supported; {_ADVICE.get(form, 'convert it to JPEG or PNG')}"
