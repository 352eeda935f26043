"""Compute targets with the same runs on every machine, made as workers make them."""

import json
import os
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import empty_database
from tests.flows.server import Server
from tests.postgres import VARIABLE

REGISTER = """mutation ($input: RegisterWorkerInput!) { registerWorker(input: $input) {
  userErrors { message } } }"""
POLL = """mutation ($input: PollWorkInput!) { pollWork(input: $input) {
  claims { runId fence } userErrors { message } } }"""
SUBMIT = """mutation ($input: SubmitRunInput!) { submitRun(input: $input) {
  run { runId } userErrors { message } } }"""
CARD = "NVIDIA H100 80GB HBM3"
NODES: Sequence[tuple[str, str, int, int, Mapping[str, Any]]] = (
    ("gpu-h100", "Slurm · partition h100", 6, 8, {"gpus": [CARD] * 8}),
    ("cpu-batch", "Kubernetes · eu-west-1", 20, 4, {"cpus": 4, "memory": 17_179_869_184}),
    ("ada-workstation", "Worker · 2 RTX 4090", 1, 2, {"cpus": 32, "memory": 137_438_953_472}),
)
# Target, experiment, name, slots, and the run it is a child of; in the order in which they came.
RUNS = (
    ("gpu-h100", "imagenet-vit", "vit-b16-cosine-08", 8, None),
    ("gpu-h100", "llm-sft-7b", "sft-lora-r64-13", 4, None),
    ("gpu-h100", "detect-coco", "rtdetr-r50-kd-10", 4, None),
    ("gpu-h100", "imagenet-vit", "sweep-aug-3", 1, None),
    ("gpu-h100", "imagenet-vit", "trial-48", 4, "sweep-aug-3"),
    ("gpu-h100", "imagenet-vit", "trial-49", 4, "sweep-aug-3"),
    ("gpu-h100", "speech-conformer", "conf-l-rnnt-01", 8, None),
    ("gpu-h100", "imagenet-vit", "trial-50", 8, "sweep-aug-3"),
    ("gpu-h100", "llm-sft-7b", "sft-full-zero3-02", 8, None),
    ("gpu-h100", "imagenet-vit", "trial-51", 8, "sweep-aug-3"),
    ("cpu-batch", "churn-gbdt", "automl-18", 4, None),
    ("cpu-batch", "churn-gbdt", "automl-19", 4, None),
    ("ada-workstation", "llm-sft-7b", "try-lr", 1, None),
)
# They came after each node had asked.
LATE = (("gpu-h100", "speech-conformer", "conf-l-rnnt-02", 8, None),
        ("gpu-h100", "imagenet-vit", "trial-52", 4, "sweep-aug-3"))  # fmt: skip
# It was given to a node, and its script has not begun.
PREPARING = ("trial-50",)


@contextmanager
def executing(home: Path) -> Generator[Server]:
    """A server that lets workers execute what is submitted."""
    url = os.environ.get(VARIABLE)
    server = Server(home, empty_database(url) if url else None, "--allow-execution")
    server.start()
    yield server
    server.stop()


def write(server: Server) -> None:
    for target, kind, nodes, slots, facts in NODES:
        about = {"kind": kind, "slots": slots}
        for n in range(nodes):
            node = {"target": target, "node": f"{target.split('-')[1]}-{n + 1:02}", "owner": "o"}
            known = {"host": node["node"], "platform": "Linux-6.1", "python": "3.11.9", **facts}
            server.ask(REGISTER, input={**node, **about, "facts": known})
    for each in RUNS:
        _submit(server, *each)
    for target, _, nodes, slots, _ in NODES:
        for n in range(nodes):
            _claim(server, target, f"{target.split('-')[1]}-{n + 1:02}", slots)
    for each in LATE:
        _submit(server, *each)


def _submit(
    server: Server, target: str, experiment: str, name: str, slots: int, parent: str | None
) -> None:
    order = {"target": target, "experiment": experiment, "name": name, "runId": name}
    definition = {"command": ["python", "train.py"]}
    said = {**order, "slots": slots, "parentId": parent, "definition": definition}
    answer = server.ask(SUBMIT, input={**said, "kind": "" if parent else "train"})
    assert not answer["submitRun"]["userErrors"], answer


def _claim(server: Server, target: str, node: str, slots: int) -> None:
    """All that the node has room for; the scripts begin."""
    who = {"target": target, "node": node, "owner": "o"}
    answer = server.ask(POLL, input={**who, "free": slots, "running": []})["pollWork"]
    assert not answer["userErrors"], answer
    for claim in answer["claims"]:
        if claim["runId"] in PREPARING:
            continue
        start = {"type": "start", "experiment": "jobs", "at": 0}
        body = {"run": claim["runId"], "writer": "w", "seq": 0, "events": [start]}
        headers = {**server.headers, "content-type": "application/json"}
        told = json.dumps(body).encode()
        asked = urllib.request.Request(f"{server.url}/ingest/v1", told, headers)
        with urllib.request.urlopen(asked):
            pass
