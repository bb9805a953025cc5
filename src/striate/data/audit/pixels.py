"""What of the images training does not see: later frames, low bytes, what a background hides, ends that are cut off."""

from collections.abc import Sequence

from striate.data.audit.found import Found, found
from striate.data.decoding.canvas import Canvas
from striate.data.survey import Survey

__all__ = ["bits_lost", "first_frames", "survey_findings"]


def survey_findings(survey: Survey, canvas: Canvas, *, sampled: bool = True) -> list[Found]:
    """What the canvas hides by what the survey found; `sampled`: with the files of its sample that are read in part."""
    findings = [*first_frames(survey.first_frames), *bits_lost(survey.bits_lost)] if sampled else []
    background = canvas.rendering.background
    if canvas.channels != 4 and survey.hides(background):
        better = survey.background
        fix = (
            "save them without transparency where colors are below it, which no --background shows, or keep it as a "
            "channel with --channels 4"
            if better == background
            else f"set --background {better}, or keep transparency as a channel with --channels 4"
        )
        findings.append(
            found(
                "data-background",
                "warning",
                f"{survey.hidden[background]:.0%} of the images with transparent parts show next to nothing on {background}.",
                (),
                {"background": background, "hidden": {name: round(part, 4) for name, part in survey.hidden.items()}},
                fix,
            )
        )
    if canvas.fit == "cover" and survey.fit == "contain":
        findings.append(
            found(
                "data-cropped",
                "warning",
                f"{survey.cut:.0%} of the typical image is cut off and never seen, and what is cut off holds content.",
                (),
                {"cut": round(survey.cut, 4), "images_with_content_there": round(survey.cut_content, 4)},
                "leave --fit out, or set --fit contain, which shows the whole image",
            )
        )
    return findings


def first_frames(ids: Sequence[str]) -> list[Found]:
    """Files that hold more than is used."""
    if not ids:
        return []
    return [
        found(
            "data-first-frame",
            "note",
            f"{_files(ids)} many frames or pages, of which only the first is used.",
            [(name,) for name in ids],
            {},
            "save the frames that matter as images of their own, if the first is not what counts",
        )
    ]


def bits_lost(ids: Sequence[str]) -> list[Found]:
    """Files of 16 bits that are read as 8."""
    if not ids:
        return []
    return [
        found(
            "data-bits-lost",
            "note",
            f"{_files(ids)} 16 bits a channel, of which the upper 8 are read.",
            [(name,) for name in ids],
            {},
            "save them as RGB or gray without transparency, or as .npy, if the lower bits matter",
        )
    ]


def _files(ids: Sequence[str]) -> str:
    return "1 file has" if len(ids) == 1 else f"{len(ids)} files have"
