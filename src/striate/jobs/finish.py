"""After the last epoch: bundle, evaluation, predictions, the gallery of errors, findings and the report."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import torch
from PIL import Image

from striate.analysis import Predictions, classification_metrics, predict_batches, shift_findings
from striate.data import LabeledImages, SkippedFile, Source, as_rgb, training_statistics
from striate.data.skipped_files import count_reasons
from striate.findings import Finding
from striate.jobs.clock import Clock
from striate.jobs.manifest import now
from striate.jobs.prepare import Prepared
from striate.jobs.sheet import augmentation_sheet
from striate.models import Network
from striate.report import ErrorImage, ReportContents, render_report
from striate.runs import Bundle, RunFolder
from striate.tasks import Task
from striate.training import Recipe, ResolvedRecipe, TrainingState, setting_rows
from striate.views import Policy

GALLERY = 48
UNSEEN = (
    "data-shift",
    "data-background",
    "data-cropped",
    "data-thin",
    "data-nearly-black",
)  # findings that say why nothing can be learned


def finish(
    folder: RunFolder,
    source: Source,
    model: Network,
    state: TrainingState,
    task: Task,
    prepared: Prepared,
    settings: ResolvedRecipe,
    clock: Clock,
) -> None:
    """Turn the weights that were kept into a bundle, measure it on images it was not trained on, and write it all down."""
    model.load_state_dict(state.best)  # the model that was trained, now with the weights to keep
    manifest = folder.manifest()
    bundle = bundle_of(model, source, prepared, settings, manifest, state.best_epoch)
    bundle.save(folder.bundle_path)
    measured = measure(model, task, prepared, settings.recipe, source.classes)
    lost = [one for part in prepared.splits.by_name().values() for one in part.pixels.lost]
    held_out = {name: part for name, part in prepared.splits.by_name().items() if name != "train"}
    shifts = [one for name, part in held_out.items() if name in source.splits for one in shifted(bundle, name, part)]
    known = (*prepared.findings, *shifts)
    findings = [*known, *files_lost(lost), *learned_nothing(measured.metrics, measured.reported, known)]
    clock.lap("evaluation")
    folder.write_metrics(measured.metrics)
    folder.write_predictions(measured.rows)
    folder.write_errors(
        [error.png for error in measured.gallery],
        [
            {"id": e.id, "label": e.label, "prediction": e.prediction, "confidence": e.confidence, "loss": e.loss}
            for e in measured.gallery
        ],
    )
    folder.write_findings(findings)
    manifest["data"] |= data_seen(source, prepared, lost)
    manifest |= {
        "threads": settings.recipe.machine.threads,
        "best_epoch": state.best_epoch,
        "keep": settings.recipe.training.keep,
        "reported_split": measured.reported,
    }
    clock.lap("writing")
    manifest |= {"timings": {**clock.seconds, "total": clock.total()}, "finished": now(), "status": "finished"}
    contents = ReportContents(
        manifest=manifest,
        settings=setting_rows(settings),
        metrics=measured.metrics,
        history=state.history_rows(),
        findings=findings,
        errors=measured.gallery,
        augmented=augmentation_sheet(prepared, settings.recipe) if prepared.policy != Policy() else None,
    )
    folder.write_report(render_report(contents))
    clock.lap("report")
    manifest["timings"] = {**clock.seconds, "total": clock.total()}
    folder.write_manifest(manifest)


def bundle_of(
    model: Network, source: Source, prepared: Prepared, settings: ResolvedRecipe, manifest: dict[str, Any], epoch: int
) -> Bundle:
    """The network with all that is needed to use it, and where it comes from."""
    train = prepared.splits.train
    return Bundle(
        model=model,
        architecture=settings.recipe.model.name,
        arguments=architecture_arguments(settings, source.classes),
        task="classify",
        classes=source.classes,
        preprocessing=prepared.preprocessing,
        provenance={
            "striate": manifest["striate"],
            "torch": manifest["versions"]["torch"],
            "data": {"name": source.name, "digest": manifest["data"]["digest"]},
            "epoch": epoch,
            "command": manifest["command"],
        },
        statistics=training_statistics(train.pixels.measurements.statistics, train.labels.numpy()),
    )


@final
@dataclass(frozen=True)
class Measured:
    """Figures by split, a row for each prediction, and the worst errors of the split that is reported, if there is one."""

    metrics: dict[str, Any]
    rows: list[dict[str, Any]]
    gallery: list[ErrorImage]

    @property
    def reported(self) -> str | None:
        return next((name for name in ("test", "val") if name in self.metrics), None)


def measure(model: Network, task: Task, prepared: Prepared, recipe: Recipe, classes: tuple[str, ...]) -> Measured:
    """The network on val and test, as far as there are such splits."""
    metrics: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    gallery: list[ErrorImage] = []
    for name, images in prepared.splits.by_name().items():
        if name != "train":
            predictions = predict_batches(model, task, prepared.plain_batches(images, recipe))
            metrics[name] = classification_metrics(predictions, classes)
            rows += predictions.rows(name, classes)
            gallery = error_images(predictions, images, classes)
    return Measured(metrics, rows, gallery)


def data_seen(source: Source, prepared: Prepared, lost: Sequence[SkippedFile]) -> dict[str, Any]:
    """What the manifest tells of the data as they were read in the end."""
    return {
        "counts": {name: len(part) for name, part in prepared.splits.by_name().items()},
        "image": list(prepared.splits.train.pixels.shape[1:]),
        "rendering": source.survey.summary(prepared.preprocessing.canvas),
        "skipped": [{"id": s.id, "reason": s.reason, "detail": s.detail} for s in (*prepared.skipped, *lost)],
    }


def shifted(bundle: Bundle, name: str, samples: LabeledImages) -> list[Finding]:
    """A finding if a split that the data came with is unlike the training images; one that was drawn is like them."""
    if bundle.statistics is None:
        return []
    found = shift_findings(bundle.statistics, samples.pixels.measurements.statistics, samples.ids)
    return [replace(one, message=f"In the {name} split {one.message}") for one in found]


def error_images(predictions: Predictions, samples: LabeledImages, classes: tuple[str, ...]) -> list[ErrorImage]:
    """The worst errors as PNG images, the surest of the wrong first."""
    worst, place = predictions.worst(GALLERY).tolist(), {id_: at for at, id_ in enumerate(samples.ids)}
    said, sure, losses = predictions.predicted, predictions.probabilities.max(1), predictions.losses
    return [
        ErrorImage(
            png=png(samples.pixels.gather(torch.tensor([place[predictions.ids[n]]]))[0].numpy()),
            id=predictions.ids[n],
            label=classes[predictions.labels[n]],
            prediction=classes[said[n]],
            confidence=float(sure[n]),
            loss=float(losses[n]),
        )
        for n in worst
    ]


def png(image: np.ndarray[Any, Any]) -> bytes:  # H W C
    data = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 and image.dtype == np.uint8 else as_rgb(image)).save(
        data, "PNG"
    )
    return data.getvalue()


def architecture_arguments(settings: ResolvedRecipe, classes: tuple[str, ...]) -> dict[str, Any]:
    """What create_model needs beside the name to build the network again."""
    recipe = settings.recipe
    arguments: dict[str, Any] = {"classes": len(classes), "channels": recipe.model.channels, "size": recipe.model.size}
    return arguments if recipe.model.dropout is None else {**arguments, "dropout": recipe.model.dropout}


def files_lost(lost: list[SkippedFile]) -> list[Finding]:
    """A finding if files that were good at first could not be read again while training."""
    if not lost:
        return []
    return [
        Finding(
            id="data-files-skipped",
            severity="warning",
            message=f"{len(lost)} files went bad while training and others took their place: {count_reasons(lost)}.",
            evidence={"lost": len(lost), "first": [f"{one.id}: {one.reason}: {one.detail}" for one in lost[:10]]},
            fix="bring the files back and train anew; --cache disk reads each of them once",
        )
    ]


def learned_nothing(metrics: dict[str, Any], split: str | None, others: Sequence[Finding]) -> list[Finding]:
    """A finding if the network is no better than always naming the largest class; `others` may say why."""
    if split is None:
        return []
    figures = metrics[split]
    if figures["accuracy"]["low"] > figures["baseline_accuracy"]:
        return []
    return [
        Finding(
            id="no-better-than-largest-class",
            severity="warning",
            message=f"On the {split} images the network is not surely better than always naming the largest class.",
            evidence={
                "accuracy": figures["accuracy"]["value"],
                "low": figures["accuracy"]["low"],
                "baseline_accuracy": figures["baseline_accuracy"],
                "images": figures["images"],
            },
            fix=next(
                (one.fix for one in others if one.id in UNSEEN),
                "train longer (--epochs), try --lr ten times smaller or larger, or gather more images",
            ),
        )
    ]
