"""Comments and flags beside an item: said, shown inert, taken back, resolved."""

import re
from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.widgets.text import key_of
from curation import discussion
from db import discussion as log
from db import items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE

OpenPage = Callable[..., AppTest]


def current(app: AppTest) -> str:
    found = app.session_state["desk"].current
    assert isinstance(found, str)
    return found


def submit(app: AppTest, label: str) -> AppTest:
    """Press the button of a form."""
    (button,) = [found for found in app.button if found.label == label]
    button.click().run()
    assert not app.exception
    return app


def comments(workspace: Workspace, item_id: str) -> list[tuple[str, str]]:
    with Store.open(workspace) as store:
        return [(row["said_by"], row["text"]) for row in log.comments_of(store, item_id)]


def test_a_comment_is_said_and_deleted(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    item_id = current(app)
    assert app.button(key="beside-comments").label == "0"
    app.button(key="beside-comments").click().run()
    assert app.query_params["beside"] == "comments"
    app.text_area(key=key_of("comment-text", item_id)).set_value("why is [3] last?")
    submit(app, "Comment")
    assert comments(sample, item_id) == [("ada", "why is [3] last?")]
    assert current(app) == item_id
    assert app.button(key="beside-comments").label == "1"
    assert app.text_area(key=key_of("comment-text", item_id)).value == ""
    submit(app, "Comment")
    assert "nothing to say" in app.error[0].value
    submit(app, "Delete")
    assert comments(sample, item_id) == []
    assert any("No comment yet" in text.value for text in app.caption)


def test_foreign_words_stay_text(sample: Workspace, open_page: OpenPage) -> None:
    hostile = f"{HOSTILE} \u202egnp\u200b \x1b[31m"
    with Store.open(sample) as store:
        item_id = items.next_item_ids(store, ItemFilter(verdict="open"), limit=1)[0]
        discussion.comment(store, item_id, hostile, said_by="<b>**ben**</b>")
        discussion.flag(store, item_id, hostile, raised_by="$x$ :red[r]")
        discussion.comment(store, item_id, "x" * 10_000, said_by="ben")
    app = open_page("review", item=item_id, verdict="Any", beside="comments")
    assert not app.exception
    said = [text.value for text in app.text if "<script>" in text.value]
    assert len(said) == 2
    assert not [text for text in said if re.search("[\u202e\u200b\x1b]", text)]
    read = [text.value for text in [*app.markdown, *app.caption]]
    assert [value for value in read if r"\<b\>" in value]
    assert not [v for v in read if re.search(r"(?<!\\)(<img|<b>|\$x|!\[|:red\[)", v)]
    app = open_page("audit", item=item_id)  # and in the item's history
    assert not app.exception
    read = [text.value for text in [*app.markdown, *app.caption]]
    assert [value for value in read if "Comment **said**" in value]
    assert not [v for v in read if re.search(r"(?<!\\)(<img|<b>|\$x|!\[|:red\[)", v)]


def test_a_flag_is_raised_resolved_and_a_filter(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review", beside="comments")
    item_id = current(app)
    app.text_input(key=key_of("flag-text", item_id)).set_value("needs a lead")
    submit(app, "Flag it")
    assert app.button(key="beside-comments").icon == ":material/flag:"
    table = open_page("table", flagged="true")
    assert len(table.dataframe[0].value) == 1
    app = open_page("review", item=item_id, beside="comments")
    assert any(text.value == "needs a lead" for text in app.text)
    app.text_input(key=key_of("flag-text", item_id)).set_value("it is fine")
    submit(app, "Resolve")
    with Store.open(sample) as store:
        assert log.open_flag(store, item_id) is None
    assert any("Nothing matches" in t.value for t in open_page("table", flagged="true").markdown)


def test_before_the_reveal_others_comments_are_hidden(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    item_id = current(app)
    with Store.open(sample) as store:
        discussion.comment(store, item_id, "[2] is the one", said_by="ben")
        discussion.flag(store, item_id, "[2] is the one, or [3]", raised_by="ben")
    app = open_page("review", item=item_id, mode="Blind first", beside="comments")
    assert not [text for text in app.text if "[2] is the one" in text.value]
    assert any("1 comment by others, shown after the reveal" in t.value for t in app.caption)
    app.session_state["desk"].draft(item_id).marks = {2}
    app.run()
    app.button(key=f"reveal-{key_of(item_id)}").click().run()
    assert len([text for text in app.text if "[2] is the one" in text.value]) == 2


def test_while_a_fix_is_open_nothing_is_said(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review", beside="comments")
    item_id = current(app)
    app.button(key=f"start-fix-{key_of(item_id)}").click().run()
    assert not [button for button in app.button if button.label in ("Comment", "Flag it")]
    assert any("Save or cancel the fix" in text.value for text in app.caption)
