"""
Fill a server with runs as a team leaves them, through what any script may call.

A random search with its pictures, a long pretraining, policies over several seeds, searches for a
model, and runs that failed, were stopped or went silent. The curves are made up, by the
laws that such curves follow; nothing is trained, but for the searches.

    python examples/showcase.py --small-runs 10000
"""

import argparse
import math
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import automl_like
import numpy as np
from numpy.typing import NDArray

import runvane

Array = NDArray[np.float64]

CLASSES = ("cat", "dog", "fox", "owl", "bee")
POLICIES = {"none": 0.0, "flip + crop": 0.021, "mixup": 0.034, "cutmix": 0.031}
# A learning rate from which on a network of this search falls apart.
TOO_FAST = 0.3
SMALL_RUNS_A_NIGHT = 100


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a server with runs to look at.")
    parser.add_argument("--small-runs", type=int, default=0, help="of nightly checks, as many")
    parser.add_argument("--steps", type=int, default=200_000, help="of the pretraining")
    parser.add_argument("--silent", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.silent:
        go_silent()
    with lost():
        search(trials=16)
        pretrain(chosen.steps)
        compare_policies(seeds=5)
        fail()
        stop()
        for sought in (automl_like.CLASSES, automl_like.NUMBERS):
            automl_like.search(sought, iterations=4)
        check_nightly(chosen.small_runs)


def search(trials: int) -> None:
    """A random search over a classifier of pictures; two of it learn too fast, and fail."""
    chance = np.random.default_rng(7)
    with runvane.Run("pictures", name="random search", kind="hyperdrive") as parent:
        parent.describe(
            primary_metric="val/accuracy",
            primary_goal="maximize",
            description="Which **backbone** and rate for the five animals?\n\n"
            "- 60 epochs each, 8,000 pictures\n- the best goes to `staging`",
        )
        parent.params(trials=trials, sampling="random")
        best = 0.0
        for trial in range(trials):
            params = {
                "backbone": str(chance.choice(["resnet18", "resnet50", "vit-small"])),
                "lr": float(f"{10 ** chance.uniform(-4, -1.2):.2g}") if trial % 8 != 5 else 0.4,
                "batch": int(chance.choice([32, 64, 128])),
                "weight_decay": float(chance.choice([0.0, 0.01, 0.05])),
            }
            try:
                best = max(best, classify(parent, trial, params, chance))
            except FloatingPointError as error:
                print(f"trial {trial} failed: {error}")
            parent.log("best/val_accuracy", best, step=trial)


def classify(
    parent: runvane.Run, trial: int, params: Mapping[str, Any], chance: np.random.Generator
) -> float:
    """One trial, 60 epochs; the accuracy that it reaches."""
    epochs = np.arange(60)
    top = {"resnet18": 0.88, "resnet50": 0.92, "vit-small": 0.94}[params["backbone"]]
    # The best rate is somewhere in the middle; far from it less is reached, and later.
    off = abs(math.log10(params["lr"]) + 2.6)
    reached = top - 0.06 * off - 0.02 * (params["weight_decay"] == 0)
    speed = 0.12 / (1 + off)
    accuracy = saturating(epochs, reached, speed) + chance.normal(0, 0.006, 60)
    loss = 1.7 * np.exp(-speed * epochs) + 0.12 + chance.normal(0, 0.015, 60)
    with parent.child_run(f"trial {trial}", params=params, tags={"stage": "search"}) as run:
        run.describe(primary_metric="val/accuracy", primary_goal="maximize")
        if params["lr"] > TOO_FAST:
            fall_apart(run, loss)
        run.log_columns(
            {
                "train/loss": loss,
                "train/accuracy": np.clip(accuracy + 0.03 * epochs / 60, 0, 1),
                "val/loss": loss + 0.05 + 0.002 * epochs,
                "val/accuracy": np.clip(accuracy, 0, 1),
                "optim/lr": params["lr"] * (1 + np.cos(np.pi * epochs / 60)) / 2,
            },
            steps=epochs,
        )
        run.log_table(
            "per class", {"class": list(CLASSES), "f1": list(reached - chance.uniform(0, 0.1, 5))}
        )
        counts = chance.multinomial(400, np.eye(5) * reached + (1 - reached) / 5)
        run.log_chart(
            "confusion_matrix",
            "confusion_matrix",
            {
                "schema_type": "confusion_matrix",
                "schema_version": "1.0.0",
                "data": {"class_labels": list(CLASSES), "matrix": counts.tolist()},
            },
        )
        log_pictures(run, chance)
        return float(accuracy.max())


def fall_apart(run: runvane.Run, loss: Array) -> None:
    """As it goes at too high a rate: up, to infinity, and to what is no number."""
    steps = np.arange(12)
    values = loss[:12] * np.exp(0.9 * steps)
    values[9:] = [math.inf, math.nan, math.nan]
    run.log_columns({"train/loss": values}, steps=steps)
    raise FloatingPointError("the loss is nan after epoch 11: lower lr")


def pretrain(steps: int) -> None:
    """A language model: one long curve with its spikes, and a log with a bar of progress."""
    chance = np.random.default_rng(3)
    with runvane.Run("language", name="1.3B on 26 B tokens") as run:
        run.describe(
            primary_metric="eval/perplexity",
            primary_goal="minimize",
            description="The loss jumps where a shard of logs came in; it heals by itself.",
        )
        run.params(layers=24, width=2048, heads=16, context=4096, batch_tokens=131_072, lr=2e-4)
        run.tags(team="language", gpus=64)
        run.take_snapshot(Path(__file__).parent)
        at = np.arange(0, steps, max(1, steps // 100_000))
        loss = 1.69 + 8.4 * (1 + at / 40) ** -0.34 + chance.normal(0, 0.02, len(at))
        for place in chance.integers(len(at) // 10, len(at) - 100, 6):
            loss[place : place + 80] += 3 * np.exp(-np.arange(80) / 18)
        now = time.time_ns() // 1_000_000
        times = (now - (steps - at) * 310).tolist()
        warm = np.minimum(1, at / 2000)
        run.log_columns(
            {
                "train/loss": loss,
                "train/grad_norm": 0.4 + chance.gamma(2, 0.1, len(at)) + np.maximum(0, loss - 4),
                "optim/lr": 2e-4 * warm * (0.55 + 0.45 * np.cos(np.pi * at / steps)),
                "speed/tokens_per_s": 131_072 / 0.31 + chance.normal(0, 4_000, len(at)),
            },
            steps=at,
            times=times,
        )
        evaluated = np.linspace(0, len(at) - 1, 200).astype(int)
        run.log_columns(
            {"eval/perplexity": np.exp(loss[evaluated] - 0.05)},
            steps=at[evaluated],
            times=[times[place] for place in evaluated],
        )
        log = run.stream("user_logs/std_log.txt")
        for place in evaluated:
            done = place / len(at)
            log.write(f"\r{done:4.0%} |{'█' * int(done * 30):<30}| {at[place]:,}/{steps:,}")
            if place % 7 == 0:
                log.write(f"\n\x1b[36mINFO\x1b[0m step {at[place]} loss {loss[place]:.3f}\n")
        log.write("\n\x1b[33mWARNING\x1b[0m 2 of 64 workers restarted during the run\n")


def compare_policies(seeds: int) -> None:
    """The same training by policy and seed: what a mean and its band are for."""
    chance = np.random.default_rng(11)
    epochs = np.arange(40)
    for policy, gain in POLICIES.items():
        for seed in range(seeds):
            with runvane.Run("augmentation", name=f"{policy}, seed {seed}") as run:
                run.describe(primary_metric="val/accuracy", primary_goal="maximize")
                run.params(policy=policy, seed=seed, lr=0.003)
                reached = 0.9 + gain + chance.normal(0, 0.006)
                accuracy = saturating(epochs, reached, 0.14 - gain) + chance.normal(0, 0.005, 40)
                run.log_columns(
                    {"val/accuracy": accuracy, "val/loss": 0.1 + 1.4 * (1 - accuracy)}, steps=epochs
                )


def fail() -> None:
    """A run that ends with an exception, as most that fail do."""
    try:
        with runvane.start("language", name="resume from shard 17", params={"shard": 17}) as run:
            run.log_columns({"train/loss": 2.4 - np.arange(300) / 1000})
            print("loading data/shard-0017.parquet")
            Path("data/shard-0017.parquet").read_bytes()
    except FileNotFoundError as error:
        print(f"failed: {error}")


def stop() -> None:
    """A run that somebody ended before its time."""
    run = runvane.Run("language", name="350M, lr 3e-3")
    run.params(layers=24, width=1024, lr=3e-3)
    run.log_columns({"train/loss": 3.1 + np.random.default_rng(5).normal(0, 0.05, 900)})
    run.cancel("it learned nothing after 900 steps")


def check_nightly(runs: int) -> None:
    """Many small runs, below one of each night."""
    chance = np.random.default_rng(13)
    nights = math.ceil(runs / SMALL_RUNS_A_NIGHT)
    for night in range(nights):
        with runvane.Run("nightly", name=f"night {night + 1}") as parent:
            for check in range(min(SMALL_RUNS_A_NIGHT, runs - night * SMALL_RUNS_A_NIGHT)):
                with parent.child_run(f"check {check}") as run:
                    run.params(model=f"m{check % 20}", data=f"d{check // 20}", night=night)
                    run.log({"score": float(chance.beta(9, 2)), "seconds": float(chance.gamma(3))})


def log_pictures(run: runvane.Run, chance: np.random.Generator) -> None:
    """What a network looks at, sharper from epoch to epoch."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    place = chance.uniform(-0.4, 0.4, 2)
    with tempfile.TemporaryDirectory() as folder:
        for epoch in range(0, 60, 15):
            wide = 0.9 / (1 + epoch / 12)
            seen = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / wide**2)
            path = Path(folder, f"{epoch}.png")
            path.write_bytes(png(np.stack([255 * seen, 90 + 80 * seen, 160 - 90 * seen], axis=-1)))
            run.log_image("attention", path)
        run.flush()


def png(pixels: Array) -> bytes:
    """Rows of columns of red, green and blue, 0 to 255, as a file; see the PNG specification."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(np.uint8))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saturating(epochs: NDArray[np.int64], reached: float, speed: float) -> Array:
    """From one in five to what is reached."""
    return reached - (reached - 0.2) * np.exp(-speed * (epochs + 1))


@contextmanager
def lost() -> Generator[None]:
    """Meanwhile a run whose machine went away: after a while nobody hears of it any more."""
    words = [sys.executable, __file__, "--silent"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    yield
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()


def go_silent() -> None:
    run = runvane.Run("language", name="on a spot machine")
    run.log_columns({"train/loss": 2.9 - np.arange(500) / 2000})
    run.flush()
    print("logged", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    main()
