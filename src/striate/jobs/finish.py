"""After the last epoch: bundle, evaluation, predictions, the gallery of errors, findings and the report."""

import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from striate.analysis import Predictions, evaluate, predict, shift_findings
from striate.data import Pictures, SetAside, Source, as_rgb, training_statistics
from striate.data.set_aside import count_reasons
from striate.findings import Finding
from striate.jobs.clock import Clock
from striate.jobs.manifest import now
from striate.jobs.prepare import Prepared
from striate.jobs.sheet import augmentation_sheet
from striate.models import Network
from striate.report import ErrorPicture, ReportContents, render_report
from striate.runs import Bundle, RunFolder
from striate.tasks import Task
from striate.training import Settings, TrainingState
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
    settings: Settings,
    clock: Clock,
) -> None:
    """Turn the weights that were kept into a bundle, measure it on pictures it was not trained on, and write it all down."""
    recipe = settings.recipe
    model.load_state_dict(state.best)  # the model that was trained, now with the weights to keep
    manifest = folder.manifest()
    bundle = Bundle(
        model=model,
        architecture=recipe.model,
        arguments=architecture_arguments(settings, source.classes),
        task="classify",
        classes=source.classes,
        preprocessing=prepared.preprocessing,
        provenance={
            "striate": manifest["striate"],
            "torch": manifest["versions"]["torch"],
            "data": {"name": source.name, "digest": manifest["data"]["digest"]},
            "epoch": state.best_epoch,
            "command": manifest["command"],
        },
        statistics=training_statistics(prepared.splits.train.pixels.statistics(), prepared.splits.train.labels.numpy()),
    )
    bundle.save(folder.bundle_path)
    splits = {"val": prepared.splits.val, "test": prepared.splits.test}
    metrics: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    gallery: list[ErrorPicture] = []
    for name, pictures in splits.items():
        if pictures is None:
            continue
        predictions = predict(model, task, prepared.plain_batches(pictures, recipe))
        metrics[name] = evaluate(predictions, source.classes)
        rows += predictions.rows(name, source.classes)
        gallery = error_pictures(predictions, pictures, source.classes)
    reported = "test" if "test" in metrics else "val" if "val" in metrics else None
    lost = [one for part in prepared.splits.parts().values() for one in part.pixels.lost]
    shifts = [
        one for name, part in splits.items() if part and name in source.splits for one in shifted(bundle, name, part)
    ]
    known = (*prepared.findings, *shifts)
    findings = [*known, *files_lost(lost), *learned_nothing(metrics, reported, known)]
    clock.lap("evaluation")
    folder.write_metrics(metrics)
    folder.write_predictions(rows)
    folder.write_errors(
        [error.png for error in gallery],
        [{"id": e.id, "true": e.true, "said": e.said, "probability": e.probability, "loss": e.loss} for e in gallery],
    )
    folder.write_findings(findings)
    manifest["data"] |= {
        "counts": {"train": len(prepared.splits.train.ids), **{k: len(p.ids) for k, p in splits.items() if p}},
        "picture": list(prepared.splits.train.pixels.shape[1:]),
        "seen": source.survey.told(prepared.preprocessing.canvas),
        "set_aside": [{"id": s.id, "reason": s.reason, "detail": s.detail} for s in (*prepared.set_aside, *lost)],
    }
    manifest |= {
        "threads": recipe.threads,
        "best_epoch": state.best_epoch,
        "kept": recipe.keep,
        "reported_split": reported,
    }
    clock.lap("writing")
    manifest |= {"timings": {**clock.seconds, "total": clock.total()}, "finished": now(), "status": "finished"}
    folder.write_report(
        render_report(
            ReportContents(
                manifest=manifest,
                settings=settings.rows(),
                metrics=metrics,
                history=state.history_rows(),
                findings=findings,
                errors=gallery,
                sheet=augmentation_sheet(prepared, recipe) if prepared.policy != Policy() else None,
            )
        )
    )
    clock.lap("report")
    manifest["timings"] = {**clock.seconds, "total": clock.total()}
    folder.write_manifest(manifest)


def shifted(bundle: Bundle, name: str, pictures: Pictures) -> list[Finding]:
    """A finding if a split that the data came with is unlike the training images; one that was drawn is like them."""
    if bundle.statistics is None:
        return []
    found = shift_findings(bundle.statistics, pictures.pixels.statistics(), pictures.ids)
    return [replace(one, says=f"In the {name} split {one.says}") for one in found]


def error_pictures(predictions: Predictions, pictures: Pictures, classes: tuple[str, ...]) -> list[ErrorPicture]:
    """The worst errors as PNG pictures, the surest of the wrong first."""
    worst, place = predictions.worst(GALLERY).tolist(), {id_: at for at, id_ in enumerate(pictures.ids)}
    said, sure, losses = predictions.said, predictions.probabilities.max(1), predictions.losses
    return [
        ErrorPicture(
            png=png(pictures.pixels.gather(torch.tensor([place[predictions.ids[n]]]))[0].numpy()),
            id=predictions.ids[n],
            true=classes[predictions.labels[n]],
            said=classes[said[n]],
            probability=float(sure[n]),
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


def architecture_arguments(settings: Settings, classes: tuple[str, ...]) -> dict[str, Any]:
    """What create_model needs beside the name to build the network again."""
    recipe = settings.recipe
    arguments: dict[str, Any] = {"classes": len(classes), "channels": recipe.channels, "size": recipe.size}
    return arguments if recipe.dropout is None else {**arguments, "dropout": recipe.dropout}


def files_lost(lost: list[SetAside]) -> list[Finding]:
    """A finding if files that were good at first could not be read again while training."""
    if not lost:
        return []
    return [
        Finding(
            id="data-files-set-aside",
            severity="warning",
            says=f"{len(lost)} files went bad while training and others took their place: {count_reasons(lost)}.",
            evidence={"lost": len(lost), "first": [f"{one.id}: {one.reason}: {one.detail}" for one in lost[:10]]},
            fix="bring the files back and train anew; --cache disk reads each of them once",
        )
    ]


def learned_nothing(metrics: dict[str, Any], split: str | None, others: Sequence[Finding]) -> list[Finding]:
    """A finding if the network is no better than always naming the largest class; `others` may say why."""
    if split is None:
        return []
    figures = metrics[split]
    if figures["accuracy"]["low"] > figures["largest_class"]:
        return []
    return [
        Finding(
            id="no-better-than-largest-class",
            severity="warning",
            says=f"On the {split} pictures the network is not surely better than always naming the largest class.",
            evidence={
                "accuracy": figures["accuracy"]["value"],
                "low": figures["accuracy"]["low"],
                "largest_class": figures["largest_class"],
                "pictures": figures["pictures"],
            },
            fix=next(
                (one.fix for one in others if one.id in UNSEEN),
                "train longer (--epochs), try --lr ten times smaller or larger, or gather more images",
            ),
        )
    ]
