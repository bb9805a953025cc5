"""Content of images that training does not use: later frames, low bytes, what a background hides, what a crop cuts off."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from striate.audit.audit_finding import AuditFinding, audit_finding
from striate.data.decoding.canvas import Canvas
from striate.data.survey import MUCH, NOTICEABLE, Survey
from striate.number_format import percent

__all__ = ["bits_lost", "first_frames", "read_in_part", "survey_findings"]

_THIN: Final = 8  # pixels of the shorter side on the canvas, below which shapes are lost


def read_in_part(survey: Survey, count: int) -> list[AuditFinding]:
    """Files of which not all is read, among those that the survey inspected; there are `count` images."""
    inspected = len(survey.sizes)
    of = f" of {inspected:,} inspected" if inspected < count else ""
    return [*first_frames(survey.first_frames, of), *bits_lost(survey.bits_lost, of)]


def survey_findings(survey: Survey, canvas: Canvas) -> list[AuditFinding]:
    """What the canvas hides by what the survey found."""
    findings = []
    background = canvas.rendering.background
    if canvas.channels != 4 and survey.hides_content(background):
        better = survey.background
        fix = (
            "train with --channels 4, which keeps transparency as a channel, or save the images without transparency: no "
            "--background shows what is in all of them"
            if better == background
            else f"train with --background {better}, or with --channels 4, which keeps transparency as a channel"
        )
        findings.append(
            audit_finding(
                "data-background",
                "warning",
                f"{percent(survey.hidden[background], 0)} of the images with transparent pixels show next to nothing on "
                f"{background}.",
                (),
                {"background": background, "hidden": {name: round(share, 4) for name, share in survey.hidden.items()}},
                fix,
            )
        )
    return [*findings, *_cropped(survey, canvas), *_thin(survey, canvas)]


def _cropped(survey: Survey, canvas: Canvas) -> list[AuditFinding]:
    """Content that a square cuts off."""
    if canvas.fit != "cover" or not survey.loses_content:
        return []
    many = survey.fit == "contain"
    share, cut = (survey.cut_content, survey.cut) if many else (survey.cut_most, MUCH)
    many_images = f"{percent(share, 0)} of the images lose", "their"
    images, whose = ("The image loses", "its") if len(survey.sizes) == 1 else many_images
    worst_first = sorted(survey.losing, key=lambda name: -survey.losing[name])
    return [
        audit_finding(
            "data-cropped",
            "warning" if many else "note",
            f"{images} {'' if many else 'more than '}{percent(cut, 0)} of {whose} area to a "
            "square crop, and content with it.",
            [(name,) for name in worst_first if many or survey.losing[name] > MUCH],
            {"cut": round(survey.cut, 4), "images_with_content_there": round(survey.cut_content, 4)},
            "train with --fit contain, which shows whole images",
        )
    ]


def _thin(survey: Survey, canvas: Canvas) -> list[AuditFinding]:
    """Images so wide or tall that on the canvas little is left of their shorter side."""
    if canvas.fit != "contain":
        return []
    thin = []
    for height, width in survey.sizes:
        scale = min(canvas.height / height, canvas.width / width)
        if scale * min(height, width) < _THIN and scale < 1 / 2:
            thin.append((scale * min(height, width), max(height, width) / min(height, width)))
    if len(thin) < NOTICEABLE * len(survey.sizes):
        return []
    pixels, aspect = np.median(thin, 0).tolist()
    return [
        audit_finding(
            "data-thin",
            "warning",
            f"In {percent(len(thin) / len(survey.sizes), 0)} of the images the shorter side shrinks to "
            f"{max(1, round(pixels))} pixels, because the longer side is {aspect:.0f} times as long.",
            (),
            {"pixels": round(pixels, 2), "aspect": round(aspect, 2), "images": round(len(thin) / len(survey.sizes), 4)},
            f"train with --size {math.ceil(_THIN * aspect)} or more, or cut the images into tiles",
        )
    ]


def first_frames(ids: Sequence[str], of: str = "") -> list[AuditFinding]:
    """Files that hold more than is used."""
    if not ids:
        return []
    return [
        audit_finding(
            "data-first-frame",
            "note",
            f"{_files(ids, of)} many frames or pages, of which only the first is used.",
            [(name,) for name in ids],
            {},
            "save the frames that matter as separate images",
        )
    ]


def bits_lost(ids: Sequence[str], of: str = "") -> list[AuditFinding]:
    """Files of 16 bits that are read as 8."""
    if not ids:
        return []
    return [
        audit_finding(
            "data-bits-lost",
            "note",
            f"{_files(ids, of)} 16 bits a channel, of which the upper 8 are read.",
            [(name,) for name in ids],
            {},
            "save them as RGB or gray without transparency, or as .npy, if the lower bits matter",
        )
    ]


def _files(ids: Sequence[str], of: str) -> str:
    return f"1 file{of} has" if len(ids) == 1 else f"{len(ids):,} files{of} have"
