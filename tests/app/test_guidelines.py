"""The Guidelines page, and the guidelines beside an item: published, compared, never run."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from curation import guidelines
from db import guidelines as log
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE

OpenPage = Callable[..., AppTest]
TEXT = "text_area"


def publish(workspace: Workspace, *texts: str, name: str = "general") -> None:
    with Store.open(workspace) as store:
        for after, text in enumerate(texts):
            guidelines.publish(store, name, text, note="n", after=after, published_by="grace")


def in_force(workspace: Workspace, name: str = "general") -> tuple[int, str]:
    with Store.open(workspace) as store:
        found = log.in_force(store, name)
    assert found is not None
    return found["version"], found["text"]


def test_the_first_version_is_written_where_there_is_none(
    workspace: Workspace, open_page: OpenPage
) -> None:
    Store.create(workspace).close()
    app = open_page("guidelines")
    assert any("Write the first version" in text.value for text in app.caption)
    assert app.button(key="publish").disabled
    app.text_area(key="guideline-text-general").set_value("# Read\n\nthe chain").run()
    app.text_input(key="guideline-note").set_value("a start").run()
    app.button(key="publish").click().run()
    assert not app.exception
    assert "general v1 is in force" in app.toast[0].value
    assert any(text.value == "# Read\n\nthe chain" for text in app.markdown)
    assert in_force(workspace) == (1, "# Read\n\nthe chain")


def test_an_edit_shows_what_changes_and_versions_are_kept(
    sample: Workspace, open_page: OpenPage
) -> None:
    publish(sample, "one\ntwo")
    app = open_page("guidelines", part="Edit")
    app.text_area(key="guideline-text-general").set_value("one\nthree").run()
    assert app.code[0].value.splitlines()[1:] == [" one", "-two", "+three"]
    app.button(key="publish").click().run()
    assert in_force(sample) == (2, "one\nthree")
    app.selectbox(key="version").set_value(1).run()
    assert any(text.value == "one\ntwo" for text in app.markdown)
    app = open_page("guidelines", part="Changes")
    assert app.code[0].value.splitlines()[1:] == [" one", "-two", "+three"]
    app = open_page("guidelines", part="Versions")
    assert app.dataframe[0].value["version"].to_list() == ["v2", "v1"]


def test_who_was_slower_keeps_the_text_and_sees_what_changed(
    sample: Workspace, open_page: OpenPage
) -> None:
    publish(sample, "one")
    app = open_page("guidelines", part="Edit")
    app.text_area(key="guideline-text-general").set_value("one\nmine").run()
    with Store.open(sample) as store:
        guidelines.publish(store, "general", "ONE", note="", after=1, published_by="grace")
    app.button(key="publish").click().run()
    assert "published version 2" in app.error[0].value
    app.run()
    assert "grace published v2 since you began" in app.warning[0].value
    assert app.text_area(key="guideline-text-general").value == "one\nmine"
    next(button for button in app.button if button.label == "It is in my text").click().run()
    app.text_area(key="guideline-text-general").set_value("ONE\nmine").run()
    app.button(key="publish").click().run()
    assert in_force(sample) == (3, "ONE\nmine")


@pytest.mark.parametrize("page", ["guidelines", "review"])
def test_no_image_is_left_in_what_is_shown(
    page: str, sample: Workspace, open_page: OpenPage
) -> None:
    publish(sample, f"# Read\n\n{HOSTILE}\n\n![x][r]\n\n[r]: https://example.com/r.png")
    app = open_page(page, beside="guidelines")
    (shown,) = [text for text in app.markdown if text.value.startswith("# Read")]
    assert "![" not in shown.value
    assert not shown.allow_html  # the script is text
    others = [text.value for text in [*app.markdown, *app.caption] if text is not shown]
    assert not [value for value in others if re.search(r"(?<!\\)(<img|!\[)", value)]


def test_beside_the_item_by_its_button_and_in_the_address(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    app.button(key="beside-guidelines").click().run()
    assert app.query_params["beside"] == "guidelines"
    assert any("No guidelines are published yet" in text.value for text in app.caption)
    publish_open(app, "Look twice.")
    assert any(text.value == "Look twice." for text in app.markdown)
    app.button(key="beside-guidelines").click().run()
    assert "beside" not in app.query_params
    assert not [text for text in app.markdown if text.value == "Look twice."]


def publish_open(app: AppTest, text: str) -> None:
    from app.store import store

    guidelines.publish(store(), "general", text, note="", after=0, published_by="ada")
    app.run()
