"""The application in this process, on a database of either kind."""

from pathlib import Path

from starlette.testclient import TestClient

from api.app import create_app
from tests.conftest import HOST, settings_in


class Door:
    """The application on one database, which can be started again."""

    def __init__(self, home: Path, database_url: str | None) -> None:
        self._home, self._url = home, database_url or ""
        self.begin()

    def begin(self) -> None:
        # What can be turned on is on, so that questions reach it.
        settings = settings_in(self._home, database_url=self._url, allow_execution=True)
        app = create_app(settings)
        headers = {"authorization": f"Bearer {(self._home / 'token').read_text()}"}
        self.client = TestClient(app, base_url=f"http://{HOST}", headers=headers)
        self.client.__enter__()

    def end(self) -> None:
        self.client.__exit__(None, None, None)
