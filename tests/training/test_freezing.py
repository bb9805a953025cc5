"""Frozen layers: they do not move, batch-norm statistics included; they are unfrozen when the settings say so."""

from itertools import pairwise

import pytest
import torch
from tests.models.networks import REPRESENTATIVE, on_meta, other_ways_marked
from tests.training.small_runs import RECIPE, TASK, batches, check_resuming, fresh, run
from torch import nn

from striate.errors import SettingError
from striate.models import DenseNetwork, Network, create_model
from striate.training import Recipe, TransferSettings, train
from striate.training.build_network import build_network, check_settings
from striate.training.freezing import FrozenLayers
from striate.training.layer_groups import layer_depths, learning_rate_scales, module_depths
from striate.training.recipe_choice import possible_recipes

PRETRAINED = RECIPE.with_values(weights="imagenet")


def trained_parameters(network: Network) -> set[str]:
    return {key for key, parameter in network.named_parameters() if parameter.requires_grad}


def trained(network: Network) -> set[str]:
    """The parts of the network that have a trained parameter."""
    return {key.partition(".")[0] for key in trained_parameters(network)}


@pytest.mark.parametrize("name", other_ways_marked(REPRESENTATIVE))
def test_frozen_layers_are_in_eval_mode_and_have_no_gradients(name):
    network = on_meta(name, size=64)
    natural, depths = trained_parameters(network), layer_depths(network)
    two, all_of_them = (FrozenLayers(network, TransferSettings(freeze=freeze)) for freeze in (2, "all"))
    two.start_epoch(0)
    assert trained_parameters(network) == {key for key in natural if depths[key] > 2}
    assert network.training
    assert all(
        module.training == (depth > 2) for module, depth in module_depths(network).items() if module is not network
    )
    all_of_them.start_epoch(0)
    if isinstance(network, DenseNetwork):  # the decoder is trained
        assert trained_parameters(network) == {key for key in natural if depths[key] > len(network.stages())}
        return
    assert {key.rpartition(".")[0] for key in trained_parameters(network)} == {*network.classifier_layers}
    for key, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d | nn.Linear | nn.Conv2d):
            assert module.training == (key in network.classifier_layers), key


def test_batch_norm_keeps_its_statistics_and_is_trained_where_it_is_asked_to():
    network, images = create_model("residual_cnn", classes=3, channels=1), torch.randn(8, 1, 28, 28)
    FrozenLayers(network, TransferSettings(freeze=1, freeze_batch_norm=True)).start_epoch(0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network(images).square().sum().backward()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    gains = {key: module.weight.grad for key, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)}
    assert {key for key, gradient in gains.items() if gradient is not None} == {
        key for key in gains if key.startswith("stage2")
    }
    FrozenLayers(network, TransferSettings()).start_epoch(0)
    network(images)
    assert not torch.equal(network.state_dict()["first.1.running_mean"], before["first.1.running_mean"])


def test_only_the_dropout_before_the_classifier_stays_on():
    network = on_meta("vgg11")
    FrozenLayers(network, TransferSettings(freeze="all")).start_epoch(0)
    dropouts = {key: module.training for key, module in network.named_modules() if isinstance(module, nn.Dropout)}
    assert dropouts == {"classifier.2": False, "classifier.5": True}
    vit = on_meta("vit_ti_16")
    FrozenLayers(vit, TransferSettings(freeze=1)).start_epoch(0)
    assert not vit.get_submodule("dropout").training
    assert not vit.get_parameter("pos_embedding").requires_grad


def test_one_more_stage_is_trained_every_few_epochs():
    network = on_meta("resnet18")
    gradual = FrozenLayers(network, TransferSettings(freeze="all", unfreeze_every=2))
    found = []
    for epoch in range(0, 10, 2):
        gradual.start_epoch(epoch + 1)
        odd = trained(network)
        gradual.start_epoch(epoch)
        assert trained(network) == odd
        found.append(odd)
    assert found[0] == {"fc"}
    assert [sorted(later - earlier) for earlier, later in pairwise(found)] == [
        ["layer4"],
        ["layer3"],
        ["layer2"],
        ["bn1", "conv1", "layer1"],
    ]
    assert all(module.training for module in network.modules())
    two = FrozenLayers(network, TransferSettings(freeze=2, unfreeze_every=1))
    two.start_epoch(1)
    assert trained(network) == {"layer2", "layer3", "layer4", "fc"}


@pytest.mark.parametrize(
    ("freeze", "frozen"), [(1, ("stage1",)), (2, ("stage1", "stage2")), ("all", ("stage1", "stage2", "stage3"))]
)
def test_what_is_frozen_does_not_move_to_the_bit(freeze, frozen):
    recipe = PRETRAINED.with_values(freeze=freeze, epochs=2, weight_decay=0.5, clip_grad_norm=1.0)
    state = fresh(recipe)
    before = {key: value.clone() for key, value in state.model.state_dict().items()}
    run(recipe, state)
    after, average = state.model.state_dict(), state.averaged_model.state_dict()
    for key, value in before.items():
        is_frozen = key.startswith(frozen)
        assert torch.equal(after[key], value) == is_frozen, key
        assert torch.equal(average[key], value) or not is_frozen, key
    moments = {index.split(".")[1] for index in state.tensors() if index.startswith("optimizer.")}
    assert len(moments) == sum(not key.startswith(frozen) for key, _ in state.model.named_parameters())


def test_frozen_layers_build_no_graph():
    recipe = PRETRAINED.with_values(freeze=2)
    state = fresh(recipe)
    state.frozen_layers.start_epoch(0)
    outputs = state.model.stage_outputs(next(batches(recipe).epoch(0)).inputs)
    assert [output.requires_grad for output in outputs] == [False, False, True]


@pytest.mark.parametrize(
    "settings",
    [
        {"freeze": 2, "unfreeze_every": 1, "optimizer": "adamw", "layer_decay": 0.7, "accumulate": 3},
        pytest.param(
            {"freeze": "all", "unfreeze_every": 2, "optimizer": "sgd", "weights": "imagenet", "mixup": 0.3},
            marks=pytest.mark.large,
        ),
    ],
)
def test_a_resumed_run_equals_an_uninterrupted_one_in_every_phase(settings):
    """Stopped inside, at the end and at the start of each phase."""
    check_resuming(RECIPE.with_values(lr=0.003, **settings), (1, 4, 5, 7, 8, 9, 11))


def test_each_layer_takes_its_share_of_the_step():
    def step(layer_decay: float) -> dict[str, torch.Tensor]:
        recipe = RECIPE.with_values(
            optimizer="sgd", lr=1.0, momentum=0.0, weight_decay=0.1, schedule="constant", layer_decay=layer_decay
        )
        state = fresh(recipe)
        before = {key: value.detach().clone() for key, value in state.model.named_parameters()}
        next(train(state, TASK, batches(recipe), None, recipe))
        return {key: value.detach() - before[key] for key, value in state.model.named_parameters()}

    whole, less = step(1.0), step(0.5)
    scales = learning_rate_scales(create_model("bn_gap_cnn", classes=3, channels=1), 0.5)
    assert {*scales.values()} == {0.125 * 2, 0.125, 0.5, 1.0}
    for key, moved in whole.items():
        assert moved.ndim <= 1 or moved.abs().max() > 1e-3
        torch.testing.assert_close(less[key], scales[key] * moved, atol=1e-6, rtol=1e-3)


def test_more_stages_than_there_are_is_refused_before_the_data_are_read():
    with pytest.raises(SettingError, match="freeze = 9: lenet5 has 2 stages; give 0 to 2, or all"):
        check_settings({"model": "lenet5", "freeze": 9}, possible_recipes({"model": "lenet5", "freeze": 9}))
    with pytest.raises(SettingError, match="freeze = 3: lenet5 has 2 stages"):
        build_network(Recipe.of(model="lenet5", channels=1, size=28, freeze=3), ("a", "b"))
