"""After the last epoch: save the bundle, evaluate the held-out splits, and write metrics, predictions, findings and report."""

import torch

from striate.analysis.baseline import no_better_than_baseline, trained_briefly
from striate.analysis.new_images import findings_on_splits
from striate.analysis.split_evaluation import evaluate_held_out, predict_split
from striate.audit.split_checks import files_lost
from striate.data import Source
from striate.models import Network
from striate.report import ReportContents, render_report
from striate.report.error_gallery import error_images
from striate.runs import RunFolder
from striate.runs.manifest import finished_manifest, read_data_summary
from striate.runs.prepared_data import PreparedData
from striate.runs.recorded_head import recorded_head
from striate.runs.timings import PhaseTimer
from striate.runs.trained_bundle import trained_bundle
from striate.tasks import Task
from striate.training import ResolvedRecipe, TrainingState, setting_rows


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
    recipe, preprocessing, training = settings.recipe, prepared.preprocessing, prepared.splits.train
    held_out, started = prepared.held_out(), folder.manifest()
    model.load_state_dict(state.best)
    # The linear layer is one that every network has anyway, and what a fitted head is once it is fine-tuned.
    head = None if recipe.transfer.head == "linear" or state.best_epoch > 0 else recorded_head(folder)
    device = torch.device(recipe.machine.device)
    task, calibrated = _calibrated(model, task, prepared, device)
    bundle = trained_bundle(model, task, source, training, preprocessing, recipe, started, state.best_epoch, head)
    bundle.save(folder.bundle_path)
    evaluated = evaluate_held_out(model, task, held_out, preprocessing, device)
    reported = evaluated.reported
    errors = error_images(evaluated.predictions[reported], held_out[reported]) if reported else []
    given = {name: samples for name, samples in held_out.items() if name in source.splits}
    of_data = (*prepared.findings, *findings_on_splits(bundle, given))
    epochs = recipe.training.epochs
    briefly = trained_briefly(epochs, state.best_epoch, recipe.training.keep)
    of_result = no_better_than_baseline(evaluated.metrics, reported, of_data, epochs=epochs, trained_briefly=briefly)
    findings = [*of_data, *files_lost(prepared.lost_files()), *of_result]
    timer.end_phase("evaluation")
    folder.write_metrics(evaluated.metrics)
    folder.write_predictions(evaluated.rows)
    folder.write_errors([one.png for one in errors], [one.row() for one in errors])
    folder.write_findings(findings)
    skipped = (*prepared.skipped, *prepared.lost_files())
    summary = read_data_summary(source, prepared.splits, preprocessing.canvas, skipped)
    timer.end_phase("writing")
    manifest = finished_manifest(
        started,
        summary,
        recipe,
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        reported=reported,
        calibrated=calibrated,
        timer=timer,
    )
    contents = ReportContents(
        task=task.name,
        manifest=manifest,
        settings=setting_rows(settings),
        metrics=evaluated.metrics,
        history=state.history,
        findings=findings,
        errors=errors,
        augmented=prepared.augmentation_sheet(recipe.training.seed) if epochs else None,
    )
    folder.write_report(render_report(contents))
    timer.end_phase("report")
    folder.write_manifest({**manifest, "timings": timer.as_json()})


def _calibrated(model: Network, task: Task, prepared: PreparedData, device: torch.device) -> tuple[Task, bool]:
    """The task with what it chooses by the validation images, and whether it chose anything."""
    if not task.calibrates or prepared.splits.val is None:
        return task, False
    return task.calibrated(predict_split(model, task, prepared.splits.val, prepared.preprocessing, device)), True
