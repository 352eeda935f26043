"""A handle to a run: who it is, what the server says of it, and how something is said of it."""

import logging
from html import escape
from typing import Any

from runvane import _asking, home
from runvane.azureml import _places, _reading, _writers
from runvane.azureml.exceptions import ServiceException
from runvane.run import Run as NativeRun

logger = logging.getLogger("azureml")


class Handle:
    """Many may be of one run. What the server said is kept until it is asked anew."""

    def __init__(self, experiment: Any, run_id: str, outputs: Any = None, **kwargs: Any) -> None:
        self._experiment = experiment
        self._run_id = run_id
        self._record: _reading.Record | None = kwargs.pop("_record", None)
        self._check()

    def _check(self) -> None:
        """A run that nobody knows is said at once, as Azure does."""
        if self._record is None and _writers.find(self._run_id) is None:
            self._record = _reading.run(self._run_id)

    @property
    def id(self) -> str:
        return self._run_id

    @property
    def experiment(self) -> Any:
        return self._experiment

    @property
    def number(self) -> int:
        return self._said["number"]

    @property
    def type(self) -> str | None:
        return self._said["kind"] or None

    @property
    def name(self) -> str:
        return self._said["name"]

    @property
    def status(self) -> str:
        return _reading.status(self._said["status"])

    def get_status(self) -> str:
        if self._record is None or self.status not in _reading.TERMINAL:
            self._fresh()
        return self.status

    def get_detailed_status(self) -> dict[str, Any]:
        """`details` is why it waits, while it does."""
        return {"status": self.get_status(), "details": self._said["reason"] or None}

    def get_portal_url(self) -> str:
        return f"{home.url()}/runs/{self._run_id}"

    @classmethod
    def get_docs_url(cls) -> str:
        return f"{home.url()}/query"

    def __str__(self) -> str:
        info = ",\n".join(f"{name}: {value}" for name, value in self._info().items())
        return f"Run({info})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A table of one row, with a link to the run's page."""
        heads = "".join(f"<th>{name}</th>" for name in [*self._info(), "Details Page"])
        cells = [escape(str(value or "")) for value in self._info().values()]
        link = f'<a href="{escape(self.get_portal_url())}" target="_blank" rel="noopener">'
        row = "".join(f"<td>{cell}</td>" for cell in [*cells, f"{link}Link to Runvane</a>"])
        return f'<table style="width:100%"><tr>{heads}</tr><tr>{row}</tr></table>'

    def _info(self) -> dict[str, Any]:
        said = {"Experiment": self._experiment.name, "Id": self._run_id}
        return {**said, "Type": self.type, "Status": self.status}

    @property
    def _said(self) -> _reading.Record:
        return self._record if self._record is not None else self._fresh()

    def _fresh(self) -> _reading.Record:
        self._record = _reading.run(self._run_id)
        return self._record

    @property
    def _native(self) -> NativeRun | None:
        """Where this process writes the run."""
        writer = _writers.find(self._run_id)
        return writer.run if writer else None

    def _say(self, what: str, *words: Any, **more: Any) -> None:
        """Say it with the run's own writer, or else at once; what was read before is stale."""
        speaker: Any = self._native or _writers.Envoy(self._run_id)
        try:
            getattr(speaker, what)(*words, **more)
        except _asking.Refused as error:
            raise ServiceException(str(error), error) from None
        self._record = None

    def _run_of(self, record: _reading.Record) -> Any:
        return _places.run_of(self._experiment, record)
