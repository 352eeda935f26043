"""Programs of others that want other versions than we do: each lot in an environment of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def world(name: str) -> Path:
    """Where what `constraints/NAME.txt` pins is; it stays until the pins change."""
    pins = ROOT / f"constraints/{name}.txt"
    folder = Path(sys.prefix, name)
    mark = folder / "pins"
    if not mark.exists() or mark.read_text() != pins.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [folder / "bin/pip", "--disable-pip-version-check", "install", "--quiet"]
        pinned = ["--no-deps", "--require-hashes", "--requirement", pins]
        subprocess.run([*pip, *pinned], check=True)
        mark.write_text(pins.read_text())
    return folder / "bin"
