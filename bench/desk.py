"""What every row is given: how large, where, beside whom, and where its figures go."""

import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.clients import Question, as_body
from bench.figures import Figure, line
from bench.generators import Points
from bench.systems import Library, Peer
from tests.flows.server import Server


@dataclass(frozen=True, slots=True)
class Desk:
    folder: Path
    peers: Mapping[str, Peer]
    # Peers without a server: only what a call costs is measured of them.
    libraries: Mapping[str, Library]
    # Small sizes, no peers: that every row works, not how fast.
    quick: bool
    figures: list[Figure] = field(default_factory=list[Figure])

    def tell(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(line(figure), flush=True)

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @contextmanager
    def server(
        self, name: str, *, home: Path | None = None, database_url: str | None = None
    ) -> Generator[Server]:
        """A server of ours with a state folder of that name or that one; it outlives the server."""
        home = home or self.folder / name
        home.mkdir(exist_ok=True)
        server = Server(home, database_url)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def script(server: Server, function: str, *arguments: Any) -> float:
    """What the function of `bench.scripts` gives, run as a training script is."""
    words = ["-m", "bench.scripts", function, *map(str, arguments)]
    pipe = subprocess.PIPE
    with server.python(*words, stdout=pipe, stderr=pipe) as process:
        output, said = process.communicate()
    if process.returncode:
        sys.exit(f"{said}\nbench.scripts {function} failed")
    return float(output.split()[-1])


def graphql(server: Server, document: str, **variables: Any) -> Question:
    body = as_body(query=document, variables=variables)
    return Question(server.port, "/graphql", body, server.headers)


def page(server: Server, path: str) -> Question:
    return Question(server.port, path, None, server.headers)


def kept(points: Points, path: Path) -> Path:
    """As a file of times and values, which every system's script can read."""
    with path.open("wb") as file:
        file.write(points.times.tobytes())
        file.write(points.values.tobytes())
    return path
