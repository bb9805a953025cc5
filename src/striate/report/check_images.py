"""The images on a check's page: an overview of the data, and the first cases of each finding side by side."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch

from striate.audit import AuditFinding
from striate.audit.fingerprints import Fingerprints
from striate.data import Unreadable, contact_sheet
from striate.report.check_page import ShownCase, ShownFinding

__all__ = ["overview", "shown_findings"]

OVERVIEW, COLUMNS = 48, 12  # images
SHOWN_SINGLE, SHOWN_CLUSTERS, SHOWN_MEMBERS = 12, 6, 4  # cases of a finding, and images of a cluster
THUMBNAIL: Final = 96  # pixels of its longer side at most


def overview(prints: Fingerprints) -> bytes | None:
    """A contact sheet of some images, whose classes alternate; None where no image can be read."""
    labels = prints.labels()
    order = np.random.default_rng(0).permutation(len(prints))
    if labels is None:
        chosen = order[:OVERVIEW]
    else:
        turn = np.zeros(len(prints), np.int64)
        for label in np.unique(labels):
            members = order[labels[order] == label]
            turn[members] = np.arange(len(members))
        chosen = np.lexsort((labels, turn))[:OVERVIEW]
    images = [one for i in chosen if (one := _thumbnail(prints, int(i))) is not None]
    return contact_sheet(torch.from_numpy(np.stack(images)), columns=COLUMNS) if images else None


def shown_findings(findings: Sequence[AuditFinding], prints: Fingerprints) -> list[ShownFinding]:
    """The findings, each with the images of its first cases."""
    position = {prints.id(i): i for i in range(len(prints))} if any(one.files for one in findings) else {}
    shown = []
    for one in findings:
        clusters = any(len(case) > 1 for case in one.files)
        cases = []
        for case in one.files[: SHOWN_CLUSTERS if clusters else SHOWN_SINGLE]:
            at = [position[name] for name in case[:SHOWN_MEMBERS] if name in position]
            images = [image for i in at if (image := _thumbnail(prints, i)) is not None]
            if images:
                sheet = contact_sheet(torch.from_numpy(np.stack(images)), columns=SHOWN_MEMBERS)
                cases.append(ShownCase(sheet, case[:SHOWN_MEMBERS], len(case)))
        shown.append(ShownFinding(one.finding, tuple(cases)))
    return shown


def _thumbnail(prints: Fingerprints, i: int) -> np.ndarray[Any, Any] | None:
    """The whole image on a square, shrunk, with black beside it where it is no square; small ones at their own size."""
    native = prints.source.native()
    side = min(THUMBNAIL, max(native.height, native.width))
    try:
        canvas = replace(native, height=side, width=side, bits=8, rendering=prints.rendering, fit="contain")
        return prints.listing(i).store.decode(int(prints.row[i]), canvas)
    except Unreadable:
        return None
