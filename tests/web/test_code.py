"""The tabs of code and of raw data: what ran, with what, and all of it as JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.flows.server import Server
from tests.web.conftest import Script, Visit, Visitor, wait_for
from web.run_code import addresses

TRAINS = "import runvane\nrun = runvane.start('trained')\nrun.log('m', 1)\n"


def trained(server: Server, folder: Path) -> str:
    """The id of a run that `runvane run` made in a repository with a change."""
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(TRAINS)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for words in (
        ("init", "-qb", "trunk"),
        ("remote", "add", "origin", "https://git.example/team/model.git"),
        ("add", "."),
        (*identity, "commit", "-qm", "Train"),
    ):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    (folder / "train.py").write_text(f"# <b>changed</b>\n{TRAINS}")
    command = "import os, sys; from runvane.cli import main; os.chdir(sys.argv.pop(1)); main()"
    words = ("run", "--", sys.executable, "train.py")
    done = server.python("-c", command, str(folder), *words, stderr=-1)
    _, said = done.communicate(timeout=60)
    assert done.returncode == 0, said
    return said.rpartition("/runs/")[2].split()[0]


def test_the_code_of_a_run_says_commit_changes_and_packages(
    visit: Visit, server: Server, tmp_path: Path
) -> None:
    run = trained(server, tmp_path / "model")
    head = ["git", "-C", str(tmp_path / "model"), "rev-parse", "HEAD"]
    commit = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    page = visit.go(f"/runs/{run}")
    page.locator("#tabs").get_by_role("link", name="Code").click()
    git = page.get_by_role("region", name="Git")
    link = git.get_by_role("link", name=commit)
    expect(link).to_have_attribute("href", f"https://git.example/team/model/commit/{commit}")
    expect(git).to_contain_text("trunk")
    expect(git).to_contain_text("the code differs from the commit")
    expect(page.locator("#patch .came", has_text="# <b>changed</b>")).to_be_visible()
    expect(page.locator("#packages")).to_contain_text("markupsafe==", ignore_case=True)
    expect(page.get_by_role("region", name="Environment")).to_contain_text("python")
    assert visit.complaints == []


def test_without_a_repository_the_tab_says_how_code_is_kept(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane")
    script.does("run = runvane.Run('raw', id='code-none', facts={'host': 'here'})")
    script.does("run.log('m', 1)")
    wait_for(server, "code-none", "m", 1)
    page = visit.go("/runs/code-none?tab=code")
    expect(page.get_by_text("ran in no Git repository")).to_be_visible()
    expect(page.get_by_text("runvane run -- python train.py")).to_be_visible()
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        ("https://host/team/model.git", "https://host/team/model"),
        ("git@host:team/model.git", "https://host/team/model"),
        ("javascript:alert(1)", None),
        ('https://host/"><script>', None),
        ("/srv/model", None),
    ],
)
def test_only_a_page_becomes_a_link(repository: str, page: str | None) -> None:
    found = addresses({"repository": repository, "commit": "abc"})
    assert found.get("repository") == page
    assert found.get("commit") == (f"{page}/commit/abc" if page else None)


def test_raw_is_all_of_the_run_as_json_to_be_copied(
    visit: Visit, script: Script, server: Server
) -> None:
    script.does("import runvane", "run = runvane.Run('raw', id='raw-all')")
    script.does("run.params(a='<b>'); run.log_text('logs/a.txt', 'x\\n'); run.flush(10)")
    script.does("run.log('m', 1)")
    wait_for(server, "raw-all", "m", 1)
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visit.go("/runs/raw-all?tab=raw")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    said = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert (said["runId"], said["status"], said["params"]) == ("raw-all", "RUNNING", {"a": "<b>"})
    assert [each["name"] for each in said["logs"]] == ["logs/a.txt"]
    # A live update does not take away what somebody has marked.
    page.evaluate("getSelection().selectAllChildren(document.getElementById('raw'))")
    visit.live()
    script.does("run.tag('later'); run.flush(10)")
    expect(page.locator("#head .tag", has_text="later")).to_be_visible()
    assert "raw-all" in page.evaluate("getSelection().toString()")
    page.get_by_role("link", name="Read again").click()
    expect(page.locator("#raw")).to_contain_text("later")
    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_fit_a_phone_and_keep_the_rules_of_accessible_pages(
    visitor: Visitor, server: Server, axe: Path, tmp_path: Path, scheme: str
) -> None:
    run = trained(server, tmp_path / "model")
    visit = visitor(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for tab, shown in (("code", "#patch .came"), ("raw", "#raw")):
        page = visit.go(f"/runs/{run}?tab={tab}")
        expect(page.locator(shown).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
        page.evaluate(axe.read_text())
        found = page.evaluate("axe.run().then(({ violations }) => violations.map(each => each.id))")
        assert found == []
