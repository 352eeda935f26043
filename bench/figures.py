"""What is claimed, what was measured, and how the two are set side by side."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure to reach; `more` says whether more is better."""

    what: str
    unit: str
    target: float | None
    more: bool = False


CLAIMS = {
    "log_call": Claim("one `log(name, value)`, durable against kill -9 of the script", "µs", 3.0),
    "log_dict": Claim("one scalar of `log({ten names})`", "µs", 0.5),
    "log_call_away": Claim("one `log(name, value)`, the server away", "µs", 3.0),
    "log_dict_away": Claim("one scalar of `log({ten names})`, the server away", "µs", 0.5),
    "log_call_slow": Claim("one `log(name, value)`, each answer a second late", "µs", 3.0),
    "log_dict_slow": Claim(
        "one scalar of `log({ten names})`, each answer a second late", "µs", 0.5
    ),
    "ingest_columns": Claim("`log_columns` until folded and queryable", "points/s", 3e6, more=True),
    "ingest_log": Claim("`log` in a loop until folded and queryable", "points/s", 3.5e5, more=True),
    "disk": Claim("on disk after compaction", "bytes/point", 4.0),
    "series_100k": Claim("a series of 100,000 points as a chart over HTTP", "ms", 8.0),
    "spikes": Claim("of 20 planted spikes the chart shows", "spikes", 20.0, more=True),
    "series_10m": Claim("a series of 10,000,000 points as a chart over HTTP", "ms", 10.0),
    "page_10k": Claim(
        "first page of 10,000 runs, filtered and sorted by a metric, p50", "ms", 18.0
    ),
    "page_10k_p95": Claim("the same, p95", "ms", 25.0),
    "page_1m": Claim("first page of 1,000,000 runs on SQLite, p50", "ms", 40.0),
    "page_1m_deep": Claim("page 1,000 of them", "ms", 40.0),
    "page_1m_count": Claim("their count, beside a page of one run", "ms", 40.0),
    "page_1m_postgres": Claim("first page of 1,000,000 runs on PostgreSQL, p50", "ms", 40.0),
    "page_1m_postgres_deep": Claim("page 1,000 of them", "ms", 40.0),
    "page_1m_postgres_count": Claim("their count, beside a page of one run", "ms", 40.0),
    "logs_tail": Claim("the last 1,000 of a million lines of a log over HTTP", "ms", 50.0),
    "logs_search": Claim("a pattern in all of a million lines, over HTTP", "ms", 500.0),
    "live": Claim("`log()` to a client of server-sent events, p95", "ms", 100.0),
    "pixels": Claim("`log()` to the pixels of an open page, p95", "ms", 200.0),
    "paint_list": Claim("first paint of a list of 10,000 runs, nothing cached, p95", "ms", 500.0),
    "paint_sort": Claim("the same sorted by a click, to its paint, p95", "ms", 200.0),
    "paint_filter": Claim("the same filtered, to its paint, p95", "ms", 200.0),
    "paint_page": Claim("the next page of the same, to its paint, p95", "ms", 200.0),
    "charts": Claim("a run's page until 24 charts are drawn, p95", "ms", 800.0),
    "busy": Claim("longest task of a page with ten live charts", "ms", 50.0),
    "page_memory": Claim("what half an hour of updates adds to that page", "MB", 5.0),
    "subscribers": Claim("server's CPU per update with 1,000 subscribers on one run", "ms", 40.0),
    "start": Claim("cold start to the first answer", "s", 1.0),
    "memory_idle": Claim("memory when idle", "MB", 120.0),
    "memory_loaded": Claim("memory after ingest and charts", "MB", 120.0),
    "install": Claim("installed without pip", "MB", 180.0),
}
# Claimed since the published result was made: the next one has them.
UNPUBLISHED: frozenset[str] = frozenset()
# In the order of the table.
PEERS = ("mlflow", "trackio", "wandb", "tensorboard")
# What these systems have no way to do, in the words of the table.
NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    One row: our figure and the peers', each from samples that were taken in turn.

    `bounds` are what the machine itself costs for the same work: they say how much of a
    missed figure is ours.
    """

    name: str
    figure: float
    samples: Sequence[float]
    peers: Mapping[str, float] = field(default_factory=dict[str, float])
    peer_samples: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    bounds: Mapping[str, float] = field(default_factory=dict[str, float])
    note: str = ""

    @property
    def claim(self) -> Claim:
        return CLAIMS[self.name]

    @property
    def of_target(self) -> float | None:
        """1 and more: reached."""
        target = self.claim.target
        return None if target is None else self._better(self.figure, target)

    @property
    def best_peer(self) -> tuple[str, float] | None:
        if not self.peers:
            return None
        choose = max if self.claim.more else min
        return choose(self.peers.items(), key=lambda item: item[1])

    @property
    def of_peer(self) -> float | None:
        """How many times better than the best peer."""
        return self._better(self.figure, self.best_peer[1]) if self.best_peer else None

    def as_json(self) -> Mapping[str, Any]:
        derived = {"of_target": self.of_target, "of_best_peer": self.of_peer}
        return {**asdict(self.claim), **asdict(self), **derived}

    def _better(self, ours: float, theirs: float) -> float | None:
        """None beside nothing at all."""
        over, under = (ours, theirs) if self.claim.more else (theirs, ours)
        return over / under if under else None


def medians(
    name: str, samples: Mapping[str, Sequence[float]], ours: str = "runvane", **more: Any
) -> Figure:
    """The figure of samples by system, ours among them."""
    peers = {system: of for system, of in samples.items() if system != ours}
    return Figure(
        name=name,
        figure=statistics.median(samples[ours]),
        samples=samples[ours],
        peers={system: statistics.median(of) for system, of in peers.items()},
        peer_samples=peers,
        **more,
    )


def quantile(samples: Sequence[float], part: float) -> float:
    ordered = sorted(samples)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def line(figure: Figure) -> str:
    """One row as the terminal shows it."""
    claim = figure.claim
    parts = [f"  {figure.name:<22}{said(figure.figure):>12} {claim.unit:<12}"]
    if claim.target is not None and figure.of_target is not None:
        word = "met" if figure.of_target >= 1 else "MISSED"
        parts.append(f"target {said(claim.target):>10}  {figure.of_target:6.2f}x {word:<7}")
    if figure.peers:
        peers = ", ".join(f"{name} {said(value)}" for name, value in sorted(figure.peers.items()))
        ratio = "" if figure.of_peer is None else f"{figure.of_peer:.1f}x "
        parts.append(f"  {ratio}beside {peers}")
    if figure.bounds:
        parts.append("; bound: " + ", ".join(f"{k} {said(v)}" for k, v in figure.bounds.items()))
    if figure.note:
        parts.append(f"; {figure.note}")
    return "".join(parts)


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows of the JSON as Markdown, with a column for each peer that one of them names."""
    rows = list(rows)
    names = [name for name in PEERS if any(name in row["peers"] for row in rows)]
    heads = ["what", "unit", "target", "runvane", *names, "of target", "of best peer"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        peers = [_cell(row["peers"].get(name)) for name in names]
        ratios = [_ratio(row["of_target"]), _ratio(row["of_best_peer"])]
        figures = [_cell(row["target"]), f"**{said(row['figure'])}**", *peers, *ratios]
        lines.append(f"| {row['what']} | {row['unit']} | {' | '.join(figures)} |")
    return "\n".join(lines)


def said(value: float) -> str:
    """Three digits are as much as a measurement on a shared machine holds."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _cell(value: float | None) -> str:
    return NONE if value is None else said(value)


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{said(value)} x"
