"""One laboratory with the same values on every machine, written through the ingest door."""

import itertools
import json
import math
import random
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.flows.server import Server

HOUR_MS = 3_600_000
STEP = 100
TOTAL = 1000

Shape = Callable[[int, random.Random, float], float]


def accuracy(i: int, chance: random.Random, k: float) -> float:
    rise = 0.852 - 0.30 * math.exp(-i / (TOTAL * 0.26)) - 0.34 * math.exp(-i / (TOTAL * 0.05))
    return k * rise + 0.0045 * chance.gauss(0, 1)


def loss(i: int, chance: random.Random, k: float) -> float:
    fall = 0.55 + 1.15 * math.exp(-i / (TOTAL * 0.33)) + 0.95 * math.exp(-i / (TOTAL * 0.045))
    return fall / k + 0.045 * chance.gauss(0, 1)


def gradient(i: int, chance: random.Random, k: float) -> float:
    size = math.exp(0.1 + 2.4 * math.exp(-i / (TOTAL * 0.1)) + 0.28 * chance.gauss(0, 1))
    return size * (6 if chance.random() < 0.006 else 1) / k


def rate(i: int, chance: random.Random, k: float) -> float:
    warm = TOTAL * 0.06
    if i < warm:
        return 1e-3 * i / warm
    return 5e-4 * (1 + math.cos(math.pi * (i - warm) / (TOTAL * 1.45)))


def use(i: int, chance: random.Random, k: float) -> float:
    return min(99.5, 93.5 + 1.4 * chance.gauss(0, 1) - (24 if i % 97 < 3 else 0))


def speed(i: int, chance: random.Random, k: float) -> float:
    return 2870 + 46 * chance.gauss(0, 1) - (520 if i % 97 < 3 else 0)


VISION: Mapping[str, Shape] = {
    "train/loss": loss,
    "train/lr": rate,
    "train/grad_norm": gradient,
    "val/acc": accuracy,
    "val/loss": loss,
    "system/gpu.util": use,
    "system/img_per_s": speed,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    experiment: str
    name: str
    id: str
    status: str = "Completed"
    points: int = TOTAL
    quality: float = 1.0
    hours_ago: float
    hours: float
    tags: Mapping[str, Any] = field(default_factory=dict[str, Any])
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    metrics: Mapping[str, Shape] = field(default_factory=lambda: VISION)
    primary: tuple[str, str] = ("val/acc", "maximize")


def vision() -> Iterator[Planned]:
    told: Sequence[tuple[str, str, int, float, str]] = (
        ("convnext-t-03", "Queued", 0, 1.0, ""),
        ("convnext-t-04", "Canceled", 640, 0.955, "swa"),
        ("convnext-t-05", "Completed", TOTAL, 0.963, ""),
        ("vit-s16-base", "Completed", TOTAL, 0.93, "baseline"),
        ("vit-s16-mixup-04", "Completed", TOTAL, 0.94, ""),
        ("vit-s16-distill-10", "Finalizing", TOTAL, 0.945, "distill"),
        ("vit-s16-distill-11", "Running", 340, 0.95, "distill"),
        ("vit-b16-lr3e3", "Failed", 90, 0.8, ""),
        ("vit-b16-linear-02", "Completed", TOTAL, 0.968, "baseline"),
        ("vit-b16-ema-03", "Completed", TOTAL, 0.99, "ema"),
        ("vit-b16-cosine-06", "Running", 880, 0.98, ""),
        ("vit-b16-cosine-07", "Running", 620, 0.983, "candidate"),
    )
    for place, (name, status, points, quality, tag) in enumerate(told):
        yield Planned(
            experiment="imagenet-vit",
            name=name,
            id=f"r_vit{place:02}",
            status=status,
            points=points,
            quality=quality,
            hours_ago=3 + 7 * (len(told) - 1 - place),
            hours=0.0045 * points,
            tags={tag: None} if tag else {},
            params={
                "batch": 1024 if "b16" in name else 2048,
                "optim.lr": (1e-3, 8e-4, 5e-4)[place % 3],
            },
        )


def others() -> Iterator[Planned]:
    told = (
        ("churn-gbdt", "automl-17", "Completed", "test/auc", accuracy, "maximize", 27),
        ("llm-sft-7b", "sft-lora-r64-12", "Running", "eval/loss", loss, "minimize", 2),
        ("speech-conformer", "conf-s-rnnt-30", "Running", "test/wer", loss, "minimize", 5),
        ("detect-coco", "rtdetr-r50-kd-09", "Running", "val/mAP", accuracy, "maximize", 3),
    )
    for experiment, name, status, metric, shape, goal, hours_ago in told:
        yield Planned(
            experiment=experiment,
            name=name,
            id=f"r_{experiment}",
            status=status,
            points=300,
            hours_ago=hours_ago,
            hours=1.5,
            metrics={metric: shape},
            primary=(metric, goal),
        )


def write(server: Server) -> None:
    for place, planned in enumerate((*others(), *vision())):
        _Sender(server, planned).send(random.Random(place))


class _Sender:
    def __init__(self, server: Server, planned: Planned) -> None:
        self._server = server
        self._planned = planned
        self._seq = itertools.count()
        self._began = round(time.time() * 1000 - planned.hours_ago * HOUR_MS)

    def send(self, chance: random.Random) -> None:
        planned, at = self._planned, self._began
        start = {"type": "start", "experiment": planned.experiment, "name": planned.name, "at": at}
        facts = {"host": "h100-01", "git": {"commit": "a41f9c2", "branch": "main"}}
        self._post(events=[{**start, "facts": facts}])
        metric, goal = planned.primary
        primary = {"primary_metric": metric, "primary_goal": goal}
        self._post(
            events=[
                {"type": "params", "values": dict(planned.params), "at": at},
                {"type": "tags", "set": dict(planned.tags), "at": at},
                {"type": "describe", "description": "ViT on ImageNet-1k.", **primary, "at": at},
            ],
            metrics=[self._block(*each, chance) for each in planned.metrics.items()]
            if planned.points
            else [],
        )
        if planned.status != "Running":
            why = "User program failed with ValueError: the loss is not finite"
            reason = why if planned.status == "Failed" else ""
            ended = at + round(planned.hours * HOUR_MS)
            said = {"type": "status", "status": planned.status, "reason": reason, "at": ended}
            self._post(events=[said])

    def _block(self, name: str, shape: Shape, chance: random.Random) -> Mapping[str, Any]:
        count, quality = self._planned.points, self._planned.quality
        pace = self._planned.hours * HOUR_MS / count
        return {
            "name": name,
            "kind": "scalar",
            "steps": [i * STEP for i in range(count)],
            "times": [round(self._began + i * pace) for i in range(count)],
            "columns": {"value": [shape(i, chance, quality) for i in range(count)]},
        }

    def _post(self, **fields: Any) -> None:
        body = {"run": self._planned.id, "writer": "w", "seq": next(self._seq), **fields}
        headers = {**self._server.headers, "content-type": "application/json"}
        asked = urllib.request.Request(
            f"{self._server.url}/ingest/v1", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(asked):
            pass
