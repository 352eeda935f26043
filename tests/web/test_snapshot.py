"""The tab of the snapshot: the code that a run began with, to read and to take along."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for

CODE = {
    "train.py": "print('<b>train</b>')\n",
    "lib/net.py": "layers = 3\n",
    "Makefile": "all:\n\techo made\n",
    "README.md": "# What it is\n",
}


def begin(server: Server, script: Script, run: str, folder: Path) -> None:
    for name, text in CODE.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "weights").write_bytes(b"\0\1\2" * 10)
    script.does("import runvane", f"run = runvane.Run('code', id='{run}')")
    script.does(f"run.take_snapshot({str(folder)!r})", "run.flush(20)", "run.log('m', 1)")
    wait_for(server, run, "m", 1)


def test_the_code_of_a_run_stands_in_a_tree_is_read_and_comes_as_a_zip(
    visit: Visit, script: Script, server: Server, tmp_path: Path
) -> None:
    begin(server, script, "snap-tree", tmp_path)
    page = visit.go("/runs/snap-tree")
    page.get_by_role("link", name="Snapshot", exact=True).click()
    expect(page.locator("[data-text]")).to_have_text("# What it is\n")
    names = page.locator(".tree b").all_inner_texts()
    assert names == ["lib", "net.py", "Makefile", "README.md", "train.py", "weights"]
    page.get_by_role("link", name="net.py").click()
    expect(page.locator("[data-text]")).to_have_text("layers = 3\n")
    page.get_by_role("link", name="train.py").click()
    expect(page.locator("[data-text]")).to_have_text(CODE["train.py"])
    assert "file=train.py" in page.url
    page.get_by_role("link", name="Makefile").click()
    expect(page.locator("[data-text]")).to_contain_text("echo made")
    page.get_by_role("link", name="weights").click()
    expect(page.locator("[data-text]")).to_have_text("There is no preview of this kind of file.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as found:
        assert {name: found.read(name).decode() for name in CODE} == CODE
    assert visit.complaints == []


def test_outputs_and_logs_come_as_one_zip(
    visit: Visit, script: Script, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    script.does("import runvane", "run = runvane.Run('code', id='snap-all')")
    script.does(f"run.upload_file('outputs/kept.txt', {str(tmp_path / 'kept.txt')!r})")
    script.does("run.log_text('logs/said.txt', 'said\\n')", "run.flush(20)", "run.log('m', 1)")
    wait_for(server, "snap-all", "m", 1)
    page = visit.go("/runs/snap-all?tab=files")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as found:
        assert found.read("outputs/kept.txt") == b"kept"
        assert found.read("logs/said.txt") == b"said\n"


def test_a_run_without_code_has_no_such_tab_and_the_tab_says_how_it_comes(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane", "run = runvane.Run('code', id='snap-none')")
    script.does("run.log('m', 1)")
    wait_for(server, "snap-none", "m", 1)
    page = visit.go("/runs/snap-none")
    expect(page.locator("#tabs a", has_text="Snapshot")).to_have_count(0)
    visit.go("/runs/snap-none?tab=snapshot")
    expect(page.get_by_text("run.take_snapshot")).to_be_visible()
    script.does("run.properties(ContentSnapshotId='a' * 64); run.flush(10)")
    expect(page.get_by_role("heading", name="The code is on its way")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_code_fits_a_phone_and_keeps_the_rules_of_accessible_pages(
    visitor: Visitor, script: Script, server: Server, axe: Path, tmp_path: Path, scheme: str
) -> None:
    begin(server, script, f"snap-{scheme}", tmp_path)
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = visit.go(f"/runs/snap-{scheme}?tab=snapshot")
    expect(page.locator("[data-text]")).to_have_text("# What it is\n")
    expect(page.locator("#tabs [aria-current]")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations.map(each => each.id))")
    assert found == []
