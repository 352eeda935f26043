"""
A sweep over a small network that learns to read handwritten digits.

The sweep is a run, and each of its settings is a child run of it. Watch them at
the address that is printed; the last setting learns far too fast, and fails.

    python examples/digits_sweep.py --epochs 40 --pace 0.1
"""

import argparse
import itertools
import math
import time
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits  # pyright: ignore[reportMissingTypeStubs]

import runvane

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Setting:
    hidden: int
    lr: float
    batch: int
    momentum: float = 0.9


GRID = [Setting(*each) for each in itertools.product((16, 64), (0.02, 0.1), (32, 128))]
DIVERGING = Setting(hidden=64, lr=100.0, batch=32)
# How much of a negative input passes.
LEAK = 0.01


class Network:
    """One hidden layer, trained by gradient descent with momentum."""

    def __init__(self, hidden: int, rng: np.random.Generator) -> None:
        self.weights = [
            rng.normal(0, math.sqrt(2 / rows), (rows, columns))
            for rows, columns in ((65, hidden), (hidden + 1, 10))
        ]
        self.speed = [np.zeros_like(weights) for weights in self.weights]

    def predict(self, images: Array) -> tuple[Array, Array]:
        hidden = _with_ones(images) @ self.weights[0]
        hidden = np.maximum(hidden, LEAK * hidden)
        scores = _with_ones(hidden) @ self.weights[1]
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, powers / powers.sum(axis=1, keepdims=True)

    def learn(self, images: Array, labels: Labels, *, lr: float, momentum: float) -> None:
        hidden, error = self.predict(images)
        error[np.arange(len(labels)), labels] -= 1
        error /= len(labels)
        back = (error @ self.weights[1][:-1].T) * np.where(hidden > 0, 1, LEAK)
        gradients = _with_ones(images).T @ back, _with_ones(hidden).T @ error
        for layer, gradient in enumerate(gradients):
            self.speed[layer] = momentum * self.speed[layer] - lr * gradient
            self.weights[layer] += self.speed[layer]

    def measure(self, images: Array, labels: Labels) -> tuple[float, float]:
        """Loss and accuracy."""
        chances = self.predict(images)[1]
        right = np.maximum(chances[np.arange(len(labels)), labels], 1e-300)
        return float(-np.log(right).mean()), float((chances.argmax(axis=1) == labels).mean())


def digits(rng: np.random.Generator) -> list[tuple[Array, Labels]]:
    """Three quarters to train with, and the rest."""
    bundled = cast("Any", load_digits())
    order = np.split(rng.permutation(len(bundled.target)), [len(bundled.target) * 3 // 4])
    return [(bundled.data[rows] / 16, bundled.target[rows]) for rows in order]


def train(run: runvane.Run, setting: Setting, *, epochs: int, pace: float) -> float:
    rng = np.random.default_rng(0)
    (x, y), (x_val, y_val) = digits(rng)
    network = Network(setting.hidden, rng)
    best = 0.0
    for epoch in range(epochs):
        began = time.perf_counter()
        lr = setting.lr * (1 + math.cos(math.pi * epoch / epochs)) / 2
        for rows in np.array_split(rng.permutation(len(x)), len(x) // setting.batch):
            network.learn(x[rows], y[rows], lr=lr, momentum=setting.momentum)
        loss, accuracy = network.measure(x, y)
        val_loss, val_accuracy = network.measure(x_val, y_val)
        run.log(
            {
                "train/loss": loss,
                "train/accuracy": accuracy,
                "val/loss": val_loss,
                "val/accuracy": val_accuracy,
                "optim/lr": lr,
                "time/epoch_s": time.perf_counter() - began,
            },
            step=epoch,
        )
        if not math.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} after epoch {epoch}: lower lr")
        best = max(best, val_accuracy)
        time.sleep(pace)
    return best


def sweep(settings: list[Setting], *, epochs: int, pace: float) -> None:
    with runvane.start("digits", name="grid over width, rate and batch") as parent:
        parent.describe(primary_metric="val/accuracy", primary_goal="maximize")
        parent.params(epochs=epochs, settings=len(settings))
        best_so_far = 0.0
        for number, setting in enumerate(settings):
            name = f"h{setting.hidden} lr{setting.lr:g} b{setting.batch}"
            try:
                with parent.child_run(name, params={**asdict(setting), "epochs": epochs}) as child:
                    child.describe(primary_metric="val/accuracy", primary_goal="maximize")
                    best = train(child, setting, epochs=epochs, pace=pace)
            except FloatingPointError as error:
                print(f"{name:<20} failed: {error}")
                continue
            best_so_far = max(best_so_far, best)
            parent.log("best/accuracy", best_so_far, step=number)
            print(f"{name:<20} {best:.1%}")


def _with_ones(rows: Array) -> Array:
    return np.hstack([rows, np.ones((len(rows), 1))])


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small network on a grid of settings.")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--settings", type=int, default=len(GRID) + 1, help="how many of the grid")
    parser.add_argument("--pace", type=float, default=0.12, help="seconds of rest after an epoch")
    chosen = parser.parse_args()
    settings = [*GRID, DIVERGING]
    # The one that fails is always among them.
    picked = [*settings[: max(chosen.settings, 1) - 1], DIVERGING]
    # It overflows on the way to its end, which is not worth a warning here.
    with np.errstate(all="ignore"):
        sweep(picked, epochs=chosen.epochs, pace=chosen.pace)


if __name__ == "__main__":
    main()
