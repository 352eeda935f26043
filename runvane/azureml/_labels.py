"""What a run is called and labelled with."""

from collections.abc import Iterable, Mapping
from typing import Any

from runvane.azureml import _limits, _reading
from runvane.azureml._handle import Handle, logger
from runvane.azureml.exceptions import ServiceException


class Labels(Handle):
    """Tags may change, properties are written once; both are texts, or None."""

    @property
    def display_name(self) -> str:
        return self._said["name"]

    @display_name.setter
    def display_name(self, display_name: str) -> None:
        _limits.length("display name", display_name, _limits.DISPLAY_NAME_LENGTH_MAX)
        self._say("describe", name=display_name)

    @property
    def description(self) -> str | None:
        return self._said["description"] or None

    @description.setter
    def description(self, description: str) -> None:
        _limits.length("description", description, _limits.DESCRIPTION_LENGTH_MAX)
        self._say("describe", description=description)

    @property
    def tags(self) -> dict[str, str | None]:
        return texts(self._said["tags"])

    def get_tags(self) -> dict[str, str | None]:
        return texts(self._fresh()["tags"])

    def tag(self, key: str, value: str | None = None) -> None:
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        said = clean(tags)
        _limits.pairs("tags", said, _limits.TAGS_MAX)
        self._say("tags", said)

    def remove_tags(self, tags: str | Iterable[str]) -> None:
        self._say("tags", {}, remove=[tags] if isinstance(tags, str) else list(tags))

    @property
    def properties(self) -> dict[str, str | None]:
        return texts(self._said["properties"])

    def get_properties(self) -> dict[str, str | None]:
        return texts(self._fresh()["properties"])

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Raise ServiceException where one is there with another value: none is added then."""
        said = clean(properties)
        if not said:
            return
        _limits.pairs("properties", said, _limits.PROPERTIES_MAX)
        there = self.get_properties()
        changed = [key for key in said if key in there and there[key] != said[key]]
        if changed:
            raise ServiceException(
                f"Run properties are immutable: {', '.join(changed)} cannot be changed"
            )
        self._say("properties", said)


def clean(said: Mapping[str, Any]) -> dict[str, str | None]:
    """As texts; Azure warns of what it converts."""
    for key, value in said.items():
        if not isinstance(value, str | None):
            logger.warning("Converting non-string tag to string: (%s: %s)", key, value)
    return texts(said)


def texts(said: Mapping[str, Any]) -> dict[str, str | None]:
    return {key: _reading.as_text(value) for key, value in said.items()}
