"""Reference A: the digit CNN as a Keras tutorial writes it. Adam, batches of 64, 5 epochs, no augmentation.

python keras_mnist.py FOLDER, where FOLDER holds the four idx .gz files of MNIST. The last line printed is JSON.
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf


def read_idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--images", type=int, default=60_000, help="train on the first so many only, to try the script")
arguments = parser.parse_args()

keras.utils.set_random_seed(arguments.seed)

images = read_idx(arguments.folder / "train-images-idx3-ubyte.gz", 16)
test_images = read_idx(arguments.folder / "t10k-images-idx3-ubyte.gz", 16)
x_train = images.reshape(-1, 28, 28, 1)[: arguments.images].astype("float32") / 255
y_train = read_idx(arguments.folder / "train-labels-idx1-ubyte.gz", 8)[: arguments.images]
x_test = test_images.reshape(-1, 28, 28, 1).astype("float32") / 255
y_test = read_idx(arguments.folder / "t10k-labels-idx1-ubyte.gz", 8)

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(128, 3, activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
assert model.count_params() == 110_474

started = time.perf_counter()
model.fit(x_train, y_train, batch_size=64, epochs=arguments.epochs, verbose=2)
train_seconds = time.perf_counter() - started

_, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(
    json.dumps(
        {
            "accuracy": round(float(accuracy), 6),
            "train_seconds": train_seconds,
            "parameters": model.count_params(),
            "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__},
            "threads": tf.config.threading.get_intra_op_parallelism_threads() or "TensorFlow's default",
        }
    )
)
