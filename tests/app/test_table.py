"""The table: what it finds and shows, and what is done to many items at once."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from curation import bulk
from db import items, judgments
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace

OpenPage = Callable[..., AppTest]


def shown(app: AppTest) -> list[str]:
    return app.dataframe[0].value["query"].to_list() if app.dataframe else []


def choose(app: AppTest, *rows: int) -> AppTest:
    """Choose rows, as clicks on the table would."""
    key = app.dataframe[0].key
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": []}}
    return app.run()


def press(app: AppTest, *keys: str) -> AppTest:
    for key in keys:
        app.button(key=key).click().run()
    assert not app.exception
    return app


def count(workspace: Workspace, **chosen: object) -> int:
    with Store.open(workspace) as store:
        return items.count_items(store, ItemFilter(**chosen))


def test_an_empty_workspace_says_what_is_next(store, open_page: OpenPage) -> None:
    store.close()
    app = open_page("table")
    assert any("No item yet" in text.value for text in app.markdown)


def test_search_reaches_queries_passages_and_chains(sample, open_page: OpenPage) -> None:
    app = open_page("table", q="osmosis")  # a principle: passages and chains name it
    found = len(shown(app))
    assert 0 < found < 25
    assert all("osmosis" not in query for query in shown(app))
    app.button_group(key="in").set_value(["query"]).run()
    assert any("Nothing matches" in text.value for text in app.markdown)
    app.button_group(key="in").set_value([]).run()
    app.text_input(key="q").set_value('"metres ten bottle"').run()
    assert any("Nothing matches" in text.value for text in app.markdown)
    app.text_input(key="q").set_value('NEAR("( *').run()
    assert not app.exception


def test_the_address_holds_the_view(sample, open_page: OpenPage) -> None:
    app = open_page("table", q="skier", domain="economics", verdict="Any", order="Newest first")
    assert set(app.dataframe[0].value["domain"]) == {"economics"}
    assert all("skier" in query.lower() or query for query in shown(app))


def test_chosen_rows_are_approved_and_taken_back(sample, open_page: OpenPage) -> None:
    app = open_page("table", verdict="Not judged")
    assert app.button(key="act-approve").disabled
    choose(app, 0, 2)
    before = count(sample, verdict="approve")
    press(app, "act-approve")
    assert any("**2 items** as **ada**" in text.value for text in app.markdown)
    assert app.button(key="act-approve").disabled  # a key now is meant for the dialog
    press(app, "bulk-now")
    assert "Approved 2 items" in app.toast[0].value
    assert count(sample, verdict="approve") == before + 2
    press(app, "bulk-undo")
    assert count(sample, verdict="approve") == before
    assert app.button(key="bulk-undo").disabled


def test_all_that_match_are_rejected_with_a_reason(sample, open_page: OpenPage) -> None:
    app = open_page("table", verdict="Not judged", domain="economics")
    n = count(sample, verdict="open", domains=("economics",))
    app.button_group(key="scope").set_value("all").run()
    press(app, "act-reject", "bulk-now")
    assert "needs a reason" in app.error[0].value
    assert count(sample, verdict="open", domains=("economics",)) == n
    app.button_group(key="bulk-reasons").set_value(["bad_query"]).run()
    press(app, "bulk-now")
    assert count(sample, verdict="open", domains=("economics",)) == 0
    assert any("Nothing matches" in text.value for text in app.markdown)
    with Store.open(sample) as store:
        rejected = items.next_item_ids(store, ItemFilter(verdict="reject"), limit=50)
        assert len(rejected) >= n
        assert judgments.judgments_of(store, rejected[0])[0].reviewer in ("ada", "grace")


def test_tags_are_set_shown_filtered_and_taken_off(sample, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        first = items.next_item_ids(store, ItemFilter(), limit=1)
        bulk.tag(store, first, "**odd**", done_by="grace")
    app = choose(open_page("table"), 0, 1)
    press(app, "act-tag")
    app.selectbox(key="bulk-tag").set_value("**odd**").run()
    press(app, "bulk-now")
    assert "Tagged 1 item" in app.toast[0].value
    assert [list(each) for each in app.dataframe[0].value["tags"][:3]] == [["**odd**"]] * 2 + [[]]
    app.session_state["filter"] = True  # as a click on it does
    app.run().selectbox(key="tag").set_value("**odd**").run()
    assert len(shown(app)) == 2
    choose(app, 0)
    press(app, "act-untag")
    app.selectbox(key="bulk-tag").set_value("**odd**").run()
    press(app, "bulk-now")
    assert len(shown(app)) == 1
    app.switch_page("views/review.py")
    app.query_params["item"], app.query_params["verdict"] = first[0], "Any"
    app.run()
    assert not [text for text in app.markdown if r"\*\*odd\*\*" in text.value]
    press(app.switch_page("views/table.py").run(), "bulk-undo")
    app.switch_page("views/review.py")
    app.query_params["item"], app.query_params["verdict"] = first[0], "Any"
    app.run()
    assert [text for text in app.markdown if r"\*\*odd\*\*" in text.value]


def test_rows_are_assigned_filtered_and_taken_back(sample, open_page: OpenPage) -> None:
    app = choose(open_page("table", verdict="Not judged"), 0, 1)
    press(app, "act-assign", "bulk-now")
    assert "Say whose" in app.error[0].value
    app.selectbox(key="bulk-whose").set_value("grace").run()
    press(app, "bulk-now")
    assert "Assigned 2 items: grace" in app.toast[0].value.replace("\\", "")
    assert app.dataframe[0].value["assigned"].to_list()[:3] == ["grace"] * 2 + [""]
    app.selectbox(key="assigned").set_value("grace").run()
    assert len(shown(app)) == count(sample, assigned="grace") == 2
    choose(app, 0)
    press(app, "act-assign")
    app.selectbox(key="bulk-whose").set_value("\0").run()  # nobody in particular
    press(app, "bulk-now")
    assert "Made 1 item nobody's in particular" in app.toast[0].value.replace("\\", "")
    assert count(sample, assigned="grace") == 1
    press(app, "bulk-undo")
    assert count(sample, assigned="grace") == 2
    press(app, "bulk-undo")
    assert count(sample, assigned="grace") == 0


def test_an_assignee_s_name_is_text(sample, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        chosen = items.next_item_ids(store, ItemFilter(verdict="open"), limit=1)
        bulk.assign(store, chosen, "<b>**ben**</b>", done_by="ada")
    app = open_page("table", assigned="<b>**ben**</b>")
    assert app.dataframe[0].value["assigned"].to_list() == ["<b>**ben**</b>"]
    undo = app.button(key="bulk-undo").help
    assert undo is not None
    assert r"\<b\>\*\*ben" in undo


def test_a_named_view_comes_back(sample, open_page: OpenPage) -> None:
    app = open_page("table", q="skier", domain="biology")
    wanted = shown(app)
    app.text_input(key="view_name").set_value("skiers")
    next(button for button in app.button if button.label == "Save this view").click().run()
    app = open_page("table")
    assert shown(app) != wanted
    next(button for button in app.button if button.label == "skiers").click().run()
    assert shown(app) == wanted
    assert app.text_input(key="q").value == "skier"
    next(button for button in app.button if button.label == "Drop").click().run()
    assert not [button for button in app.button if button.label == "skiers"]


def test_a_batch_in_the_address_limits_the_table(sample, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        batch_id = store.rows("SELECT batch_id FROM batches WHERE name = 'first round'")[0][
            "batch_id"
        ]
    app = open_page("table", batch=batch_id)
    assert len(shown(app)) == count(sample, batch=batch_id) > 0
    next(button for button in app.button if button.label == "Show all").click().run()
    assert len(shown(app)) == count(sample)
    assert not open_page("table", batch="gone").exception
