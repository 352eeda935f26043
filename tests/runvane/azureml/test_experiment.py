"""`Experiment` and `Workspace`."""

import json
from pathlib import Path

import pytest

from runvane.azureml.core import Experiment, Workspace
from runvane.azureml.exceptions import UserErrorException
from tests.flows.server import Server
from tests.runvane.conftest import free_port


def test_an_experiment_is_made_once(experiment: Experiment) -> None:
    again = Experiment(Workspace(), experiment.name)
    assert again.id == experiment.id
    assert again.workspace is again.workspace_object
    assert experiment.name in Workspace().experiments


def test_tags_of_an_experiment(experiment: Experiment) -> None:
    experiment.set_tags({"team": "vision", "year": 2026})
    experiment.tag("bare")
    assert experiment.tags == {"team": "vision", "year": "2026", "bare": None}
    experiment.remove_tags(["year"])
    other = Experiment(Workspace(), experiment.name)
    other.tag("late", "yes")
    experiment.refresh()
    assert experiment.tags == {"team": "vision", "bare": None, "late": "yes"}
    listed = Experiment.list(Workspace(), tags={"team": "vision"})
    assert [each.name for each in listed] == [experiment.name]


def test_an_archived_experiment_is_listed_where_it_is_asked_for(experiment: Experiment) -> None:
    def listed(view: str) -> bool:
        return bool(Experiment.list(Workspace(), experiment.name, view_type=view))

    assert (listed("ActiveOnly"), listed("ArchivedOnly"), listed("All")) == (True, False, True)
    experiment.archive()
    assert experiment.archived_time
    assert (listed("ActiveOnly"), listed("ArchivedOnly"), listed("All")) == (False, True, True)
    with pytest.raises(UserErrorException, match="Cannot rename an experiment"):
        experiment.reactivate(new_name="other")
    experiment.reactivate()
    assert experiment.archived_time is None
    assert listed("ActiveOnly")


def test_a_name_that_azure_would_refuse_is_warned_of(
    experiment: Experiment, caplog: pytest.LogCaptureFixture
) -> None:
    made = Experiment(Workspace(), "with spaces / and more")
    assert "Experiment name must be between 1 and 255 characters long" in caplog.messages[-1]
    assert made.id


def test_an_experiment_without_a_server_can_be_logged_to(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("RUNVANE_URL", f"http://127.0.0.1:{free_port()}")
    made = Experiment(Workspace(), "nowhere")
    assert "no answer" in caplog.messages[-1]
    assert made.id is None


def test_an_experiment_shows_itself(server: Server, experiment: Experiment) -> None:
    assert str(experiment) == f"Experiment(Name: {experiment.name},\nWorkspace: runvane)"
    assert experiment.get_docs_url() == f"{server.url}/query"
    assert experiment.get_portal_url() == f"{server.url}/experiments/{experiment.name}"
    assert experiment.get_portal_url() in getattr(experiment, "_repr_html_")()  # noqa: B009 - a notebook asks so


def test_a_workspace_is_what_its_configuration_says(experiment: Experiment, tmp_path: Path) -> None:
    names = {"subscription_id": "s", "resource_group": "g", "workspace_name": "w"}
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    Workspace("s", "g", "w").write_config(tmp_path)
    assert json.loads((tmp_path / ".azureml/config.json").read_text()) == names
    for found in (Workspace.from_config(below), Workspace.from_config(tmp_path / ".azureml")):
        assert (found.name, found.resource_group, found.subscription_id) == ("w", "g", "s")
    assert Workspace.get("w", subscription_id="s").get_details()["name"] == "w"
    assert Workspace.create("w", resource_group="g").location == Workspace().location
    assert list(Workspace.list("s")) == ["runvane"]
    assert Workspace.from_config().compute_targets == {}


def test_a_workspace_needs_no_configuration_but_one_that_is_named_must_be_there(
    experiment: Experiment, tmp_path: Path
) -> None:
    assert Workspace.from_config().name in ("runvane", "w")
    with pytest.raises(UserErrorException, match="could not be found in"):
        Workspace.from_config(tmp_path / "nowhere")
