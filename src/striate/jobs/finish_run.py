"""After the last epoch: save the bundle, evaluate the held-out splits, and write metrics, predictions, findings and report."""

from dataclasses import dataclass
from typing import Any, final

import torch

from striate.analysis import classification_metrics
from striate.analysis.baseline import no_better_than_largest_class
from striate.analysis.new_images import findings_on_split
from striate.analysis.split_evaluation import predict_split
from striate.audit.split_checks import files_lost
from striate.data import Source
from striate.data.augmented_views import augmented_contact_sheet
from striate.findings import Finding
from striate.jobs.prepare_data import PreparedData
from striate.models import Network
from striate.report import ErrorImage, ReportContents, render_report
from striate.report.error_gallery import error_images
from striate.runs import Bundle, RunFolder
from striate.runs.manifest import now, read_data_summary
from striate.runs.timings import PhaseTimer
from striate.runs.trained_bundle import trained_bundle
from striate.tasks import Task
from striate.training import Recipe, ResolvedRecipe, TrainingState, setting_rows
from striate.views import changes_views


def finish_run(
    folder: RunFolder,
    source: Source,
    model: Network,
    state: TrainingState,
    task: Task,
    prepared: PreparedData,
    settings: ResolvedRecipe,
    timer: PhaseTimer,
) -> None:
    """Save the best weights as a bundle, evaluate it on images it was not trained on, and write the results."""
    recipe = settings.recipe
    model.load_state_dict(state.best)
    manifest = folder.manifest()
    bundle = trained_bundle(
        model, source, prepared.splits.train, prepared.preprocessing, recipe, manifest, state.best_epoch
    )
    bundle.save(folder.bundle_path)
    evaluated = _evaluate(model, task, prepared, recipe, source.classes)
    findings = _findings(bundle, source, prepared, evaluated)
    timer.end_phase("evaluation")
    _write_results(folder, evaluated, findings)
    canvas, skipped = prepared.preprocessing.canvas, (*prepared.skipped, *prepared.lost_files())
    manifest["data"] |= read_data_summary(source, prepared.splits, canvas, skipped)
    manifest |= {
        "threads": recipe.machine.threads,
        "best_epoch": state.best_epoch,
        "keep": recipe.training.keep,
        "reported_split": evaluated.reported,
    }
    timer.end_phase("writing")
    manifest |= {"timings": timer.as_json(), "finished": now(), "status": "finished"}
    contents = ReportContents(
        manifest=manifest,
        settings=setting_rows(settings),
        metrics=evaluated.metrics,
        history=state.history_rows(),
        findings=findings,
        errors=evaluated.errors,
        augmented=_augmentation_sheet(prepared, recipe),
    )
    folder.write_report(render_report(contents))
    timer.end_phase("report")
    folder.write_manifest({**manifest, "timings": timer.as_json()})


@final
@dataclass(frozen=True)
class _Results:
    """Figures by split, a row for each prediction, and the worst errors of the reported split."""

    metrics: dict[str, Any]
    rows: list[dict[str, Any]]
    errors: list[ErrorImage]

    @property
    def reported(self) -> str | None:
        return next((name for name in ("test", "val") if name in self.metrics), None)


def _evaluate(model: Network, task: Task, prepared: PreparedData, recipe: Recipe, classes: tuple[str, ...]) -> _Results:
    """The network on val and test, as far as there are such splits; the last of them is reported."""
    metrics: dict[str, Any] = {}
    rows: list[dict[str, Any]] = []
    errors: list[ErrorImage] = []
    device = torch.device(recipe.machine.device)
    for name, samples in prepared.held_out().items():
        predictions = predict_split(model, task, samples, prepared.preprocessing, device, recipe.training.batch_size)
        metrics[name] = classification_metrics(predictions, classes)
        rows += predictions.rows(name, classes)
        errors = error_images(predictions, samples, classes)
    return _Results(metrics, rows, errors)


def _findings(bundle: Bundle, source: Source, prepared: PreparedData, evaluated: _Results) -> list[Finding]:
    """Those of the data, of splits that the data came with, of files that were lost, and of the result."""
    shifts = [
        one
        for name, samples in prepared.held_out().items()
        if name in source.splits
        for one in findings_on_split(bundle, name, samples)
    ]
    of_data = (*prepared.findings, *shifts)
    of_result = no_better_than_largest_class(evaluated.metrics, evaluated.reported, of_data)
    return [*of_data, *files_lost(prepared.lost_files()), *of_result]


def _write_results(folder: RunFolder, evaluated: _Results, findings: list[Finding]) -> None:
    folder.write_metrics(evaluated.metrics)
    folder.write_predictions(evaluated.rows)
    folder.write_errors(
        [error.png for error in evaluated.errors],
        [
            {"id": e.id, "label": e.label, "prediction": e.prediction, "confidence": e.confidence, "loss": e.loss}
            for e in evaluated.errors
        ],
    )
    folder.write_findings(findings)


def _augmentation_sheet(prepared: PreparedData, recipe: Recipe) -> bytes | None:
    """None where nothing is augmented."""
    if not changes_views(prepared.policy):
        return None
    return augmented_contact_sheet(
        prepared.splits.train,
        prepared.policy,
        seed=recipe.training.seed,
        size=prepared.preprocessing.size,
        normalization=prepared.preprocessing.normalization,
    )
