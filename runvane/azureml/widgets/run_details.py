"""`RunDetails`: a run in a notebook."""

import importlib
import importlib.util
from html import escape
from typing import Any


class RunDetails:
    """The run as it is when it is shown, with the link to its live page."""

    def __init__(self, run_instance: Any) -> None:
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """In a notebook as a table; elsewhere as text."""
        self._run.get_status()
        if importlib.util.find_spec("IPython"):
            display: Any = importlib.import_module("IPython.display")
            shell: Any = importlib.import_module("IPython").get_ipython()
            if shell is not None:
                display.display(display.HTML(self._repr_html_()))
                return
        print(f"{self._run}\n{self._run.get_portal_url()}")

    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """What it shows."""
        return {"run_details": self._run.get_details(), "run_metrics": self._run.get_metrics()}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(str(name))}</td><td>{escape(_last(value))}</td></tr>"
            for name, value in self._run.get_metrics().items()
        )
        metrics = f"<table><tr><th>Metric</th><th>Last</th></tr>{rows}</table>" if rows else ""
        about: str = getattr(self._run, "_repr_html_")()  # noqa: B009 - a notebook asks so
        return about + metrics


def _last(value: Any) -> str:
    """Of a list its last, of a table its columns."""
    return str([*value][-1] if value.__class__ is list else value)
