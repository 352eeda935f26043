"""`Experiment`: a named set of runs."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from runvane import home
from runvane.azureml import _labels, _limits, _places, _reading
from runvane.azureml._handle import logger
from runvane.azureml.core import run as runs
from runvane.azureml.exceptions import (
    NotSupportedException,
    ServiceException,
    UserErrorException,
)

NAME = re.compile(r"[a-zA-Z0-9][\w\-]{0,254}")
_OF = "id name description tags archivedAt"
_FIND = f"query Experiment($name: String!) {{ experiment(name: $name) {{ {_OF} }} }}"
_LIST = f"""query Experiments($archived: Boolean, $after: String) {{
  experiments(archived: $archived, first: 200, after: $after) {{
    edges {{ node {{ {_OF} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
_CHANGE = """mutation Change($name: String!{more}) {{ {field}(name: $name{given}) {{
  experiment {{ {of} }} userErrors {{ message code }} }} }}"""


class ViewType:
    """Which experiments a list has."""

    ActiveOnly = "ActiveOnly"
    All = "All"
    ArchivedOnly = "ArchivedOnly"


class Experiment:
    """It is made when it is not there yet; without a server its first run makes it."""

    def __init__(
        self,
        workspace: Any,
        name: str,
        _skip_name_validation: bool = False,
        _create_in_cloud: bool = True,
        _record: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._record = _record
        if not _skip_name_validation and not NAME.fullmatch(name):
            _limits.say(
                "Experiment name must be between 1 and 255 characters long. Its first character "
                "has to be alphanumeric, and the rest may contain hyphens and underscores. "
                f"No whitespace is allowed: Azure would not take {name!r}"
            )
        if _record is None and _create_in_cloud:
            self._make()

    def _make(self) -> None:
        try:
            self.refresh()
            if self._record is None:
                self._change("createExperiment")
        except ServiceException as error:
            # Scripts begin also where the server is away.
            logger.warning("Experiment %s: %s", self._name, error.message)

    @property
    def name(self) -> str:
        return self._name

    @property
    def id(self) -> str | None:
        return self._record["id"] if self._record else None

    @property
    def workspace(self) -> Any:
        return self._workspace

    @property
    def workspace_object(self) -> Any:
        logger.warning("Deprecated, use experiment.workspace")
        return self._workspace

    @property
    def archived_time(self) -> str | None:
        return _reading.time(self._record["archivedAt"]) if self._record else None

    @property
    def tags(self) -> dict[str, str | None]:
        return _labels.texts(self._record["tags"]) if self._record else {}

    def start_logging(
        self,
        name: str | None = None,
        run_id: str | None = None,
        outputs: Any = None,
        snapshot_directory: str | None = ".",
        display_name: str | None = None,
        description: str | None = None,
        properties: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """
        A run of this process; it ends by itself, or with the process.

        Its code is what `.amlignore`, or else `.gitignore`, leaves of `snapshot_directory`; None:
        none is kept.
        """
        run = runs.begun(self, name=display_name or name or "", run_id=run_id)
        if snapshot_directory:
            runs.snapshot(run, snapshot_directory)
        if description:
            run.description = description
        if properties:
            run.add_properties(properties)
        if tags:
            run.set_tags(tags)
        return run

    def submit(self, config: Any, tags: Any = None, **kwargs: Any) -> Any:
        """
        A run that its target executes, with the code of `source_directory`.

        It returns once the target has it: `wait_for_completion` waits for its end.
        """
        return _places.submitted(self, config, tags, run_id=kwargs.get("run_id"))

    def get_runs(
        self,
        type: str | None = None,
        tags: Any = None,
        properties: Any = None,
        include_children: bool = False,
    ) -> Iterator[Any]:
        return runs.Run.list(
            self, type=type, tags=tags, properties=properties, include_children=include_children
        )

    @staticmethod
    def list(
        workspace: Any,
        experiment_name: str | None = None,
        view_type: str = ViewType.ActiveOnly,
        tags: Any = None,
    ) -> "list[Experiment]":
        """The newest first."""
        archived = {"ActiveOnly": False, "ArchivedOnly": True, "All": None}[view_type]
        wanted = {tags: None} if isinstance(tags, str) else dict(tags or {})
        return [
            Experiment(workspace, each["name"], _skip_name_validation=True, _record=each)
            for each in _pages(archived)
            if experiment_name in (None, each["name"])
            and all(
                key in each["tags"] and value in (None, _reading.as_text(each["tags"][key]))
                for key, value in wanted.items()
            )
        ]

    @staticmethod
    def delete(workspace: Any, experiment_id: str) -> None:
        raise NotSupportedException(
            "Runvane keeps experiments: archive() leaves one out of lists, and its runs can be "
            "deleted."
        )

    def archive(self) -> None:
        self._change("archiveExperiment")

    def reactivate(self, new_name: str | None = None) -> None:
        if new_name is not None:
            raise UserErrorException(
                "Cannot rename an experiment. If the archived experiment name conflicts with an "
                "active experiment name, you can delete the active experiment before unarchiving "
                "this experiment."
            )
        self._change("unarchiveExperiment")

    def tag(self, key: str, value: str | None = None) -> None:
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        self._change("updateExperiment", {"setTags": _labels.clean(tags)})

    def remove_tags(self, tags: Any) -> None:
        names = [tags] if isinstance(tags, str) else [*tags]
        self._change("updateExperiment", {"removeTags": names})

    def refresh(self) -> None:
        self._record = _reading.ask(_FIND, name=self._name)["experiment"]

    def get_portal_url(self) -> str:
        return f"{home.url()}/experiments/{quote(self._name, safe='')}"

    @classmethod
    def get_docs_url(cls) -> str:
        return f"{home.url()}/query"

    def __str__(self) -> str:
        return f"Experiment(Name: {self._name},\nWorkspace: {self._workspace.name})"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        link = f'<a href="{escape(self.get_portal_url())}" target="_blank" rel="noopener">'
        cells = (escape(self._name), escape(self._workspace.name), f"{link}Link to Runvane</a>")
        heads = "".join(f"<th>{each}</th>" for each in ("Name", "Workspace", "Report Page"))
        row = "".join(f"<td>{each}</td>" for each in cells)
        return f'<table style="width:100%"><tr>{heads}</tr><tr>{row}</tr></table>'

    def _change(self, field: str, given: Mapping[str, Any] | None = None) -> None:
        document = _CHANGE.format(
            field=field, of=_OF,
            more=", $input: UpdateExperimentInput!" if given else "",
            given=", input: $input" if given else "",
        )  # fmt: skip
        more = {"input": given} if given else {}
        self._record = _reading.change(document, field, name=self._name, **more)["experiment"]


def _pages(archived: bool | None) -> Iterator[Mapping[str, Any]]:
    after = None
    while True:
        page = _reading.ask(_LIST, archived=archived, after=after)["experiments"]
        for edge in page["edges"]:
            yield edge["node"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]
