"""What is installed is what was meant: by a wheel, by the steps of the image, from an sdist."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
NODE = {"node", "nodejs", "npm", "npx", "corepack"}
START_S_MAX = 30
HOSTILE = "from pathlib import Path\nPath('taken').touch()\nraise SystemExit('not ours')\n"
# A run that is logged with no server in reach, and what that imported.
LOGGING = """
import sys
before = set(sys.modules)
import runvane
with runvane.Run("bare") as run:
    run.log("loss", 0.5)
    run.log_columns({"many": [1.0, 2.0]})
names = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(names - set(sys.stdlib_module_names) - {"runvane"}))
"""


class Environment:
    """A bare virtual environment on a machine without Node, Git or this checkout's packages."""

    def __init__(self, folder: Path, path: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        self.bin = folder / "bin"
        self.site = next(folder.glob("lib/python*/site-packages"))
        self.before = set(self.site.iterdir())
        # Registries are set up in the environment; what is ours there must not leak in.
        ours = ("PYTHON", "VIRTUAL_ENV", "RUNVANE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.env = {**kept, "PATH": f"{self.bin}:{path}"}

    @property
    def added(self) -> set[str]:
        return {path.name for path in set(self.site.iterdir()) - self.before}

    def run(self, *words: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever it is."""
        return subprocess.run(
            [shutil.which(words[0], path=self.env["PATH"]) or words[0], *words[1:]],
            check=False, cwd=cwd, env=self.env, capture_output=True, text=True,
        )  # fmt: skip

    def must(self, *words: str | Path, cwd: Path = ROOT) -> str:
        done = self.run(*words, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of this machine without Node."""
    folder = tmp_path_factory.mktemp("programs")
    own = str(Path(sys.executable).parent)
    for place in os.environ["PATH"].split(os.pathsep):
        if place != own and Path(place).is_dir():
            for program in Path(place).iterdir():
                link = folder / program.name
                if program.name not in NODE and not link.is_symlink():
                    link.symlink_to(program)
    return folder


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this checkout as a clone would have them: no bundle, no environment."""
    folder = tmp_path_factory.mktemp("source")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory, path: Path) -> Environment:
    return Environment(tmp_path_factory.mktemp("builder"), path)


@pytest.fixture(scope="session")
def wheels(builder: Environment, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first stage of the image hands to the second."""
    folder = tmp_path_factory.mktemp("wheels")
    builder.must(source / "make/image.sh", "build", folder, cwd=source)
    return folder


@pytest.fixture(scope="session")
def wheel(wheels: Path) -> Path:
    return next(wheels.glob("runvane-*.whl"))


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory, path: Path) -> Environment:
    """What a training script's environment gets."""
    bare = Environment(tmp_path_factory.mktemp("bare"), path)
    bare.must("pip", "install", "--no-index", wheel)
    return bare


@pytest.fixture(scope="session")
def image(wheels: Path, tmp_path_factory: pytest.TempPathFactory, path: Path) -> Environment:
    """What the second stage of the image makes."""
    image = Environment(tmp_path_factory.mktemp("image"), path)
    image.must(ROOT / "make/image.sh", "install", wheels)
    return image


def test_the_wheel_adds_one_name(bare: Environment) -> None:
    assert {re.sub(r"-.*dist-info", "-dist-info", name) for name in bare.added} == {
        "runvane",
        "runvane-dist-info",
    }


def test_a_script_needs_the_standard_library_alone(bare: Environment, tmp_path: Path) -> None:
    bare.env["RUNVANE_HOME"] = str(tmp_path)
    bare.env["RUNVANE_URL"] = "http://127.0.0.1:9"
    assert bare.must("python", "-c", LOGGING, cwd=tmp_path).splitlines()[-1] == "[]"
    assert list(tmp_path.rglob("spool/**/*")), "what was logged is not on disk"


def test_serving_without_the_extra_says_what_to_install(bare: Environment) -> None:
    done = bare.run("runvane", "serve")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'runvane[server]'")
    assert done.stderr.count("\n") == 1


def test_the_wheel_carries_the_pages_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"runvane"}
    for folder in ("web/templates", "web/queries"):
        for path in (ROOT / folder).rglob("*.*"):
            assert f"runvane/_server/{path.relative_to(ROOT)}" in names
    bundle = [name for name in names if name.startswith("runvane/_server/web/static/dist/")]
    assert any(name.endswith(".js.br") for name in bundle)
    assert any(name.endswith("/manifest.json") for name in bundle)
    assert not any("node_modules" in name or "/web/src/" in name for name in names)
    assert "runvane/py.typed" in names


def test_an_sdist_gives_the_same_wheel_without_node(
    wheel: Path, builder: Environment, source: Path, tmp_path: Path
) -> None:
    backend = "import sys, hatchling.build as b; print(b.build_sdist(sys.argv[1]))"
    builder.must("python", "-c", backend, tmp_path, cwd=source)
    # By the command: the oldest Python we know has no safe way of its own.
    subprocess.run(["tar", "-xzf", next(tmp_path.glob("*.tar.gz"))], cwd=tmp_path, check=True)
    unpacked = next(path for path in tmp_path.iterdir() if path.is_dir())
    # Any npm would have to come from here, and there is none.
    builder.env["npm_config_offline"] = "true"
    backend = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    builder.must("python", "-c", backend, tmp_path, cwd=unpacked)

    again = next(tmp_path.glob("*.whl"))
    assert sorted(ZipFile(again).namelist()) == sorted(ZipFile(wheel).namelist())


def test_no_dependency_owns_our_names(image: Environment) -> None:
    assert not {"api", "web", "api.py", "web.py"} & image.added


@pytest.mark.parametrize("command", [["runvane"], ["python", "-m", "runvane"]], ids=" ".join)
def test_the_image_serves_from_a_hostile_folder(
    image: Environment, command: Sequence[str], tmp_path: Path
) -> None:
    (tmp_path / "api.py").write_text(HOSTILE)
    (tmp_path / "web.py").write_text(HOSTILE)
    with serving(image, command, tmp_path) as url:
        page = get(f"{url}/", image).decode()
        scripts = re.findall(r'<script type="module" src="([^"]+)"', page)
        assert scripts, "the page loads no bundle"
        assert all(get(url + script, image) for script in scripts)
        assert b"data" in get(f"{url}/graphql?query=%7B__typename%7D", image)
    assert not (tmp_path / "taken").exists()


@contextmanager
def serving(image: Environment, command: Sequence[str], folder: Path) -> Generator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    image.env["RUNVANE_HOME"] = str(folder / "state")
    program = shutil.which(command[0], path=image.env["PATH"])
    assert program
    words = [program, *command[1:], "serve", f"--port={port}"]
    log = folder / "server.log"
    with log.open("w") as output:
        process = subprocess.Popen(words, cwd=folder, env=image.env, stdout=output, stderr=output)
    try:
        until = time.monotonic() + START_S_MAX
        while image.run("sh", "-c", health_check(port)).returncode:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def health_check(port: int) -> str:
    """The Dockerfile's own question."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    found = re.search(r"HEALTHCHECK[^\[]*CMD (\[.*\])", dockerfile)
    assert found
    words: list[str] = json.loads(found[1])
    return " ".join(f'"{word}"' for word in words).replace("8470", str(port))


def get(url: str, image: Environment) -> bytes:
    token = Path(image.env["RUNVANE_HOME"], "token").read_text().strip()
    request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request) as reply:
        return reply.read()
