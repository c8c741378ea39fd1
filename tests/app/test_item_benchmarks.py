"""The way from a checkpoint to its orders of items, through the pages."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.widgets.item_benchmarks import FORM
from db import benchmarks
from db.store import Store
from db.workspace import Workspace

OpenPage = Callable[..., AppTest]


def made_of_items(sample: Workspace) -> list[tuple[str, int]]:
    with Store.open(sample) as store:
        rows = benchmarks.list_benchmarks(store)
        return [(row["name"], row["n_queries"]) for row in rows if row["of_items"]]


def texts(app: AppTest) -> str:
    return " ".join(each.value for each in [*app.caption, *app.info, *app.error])


def test_items_under_a_filter_become_a_benchmark(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("benchmarks", benchmark_form=FORM, domain="biology")
    assert "8 items: of biology" in texts(app)
    app.button(key="add-items").click().run()
    assert "needs a name" in texts(app)
    assert made_of_items(sample) == []
    app.text_input(key="items-name").set_value("ours").run()
    app.button(key="add-items").click().run()
    assert not app.exception
    assert made_of_items(sample) == [("ours", 8)]


def test_the_evaluations_of_items_say_what_they_are(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("benchmarks", benchmark_form=FORM)
    app.text_input(key="items-name").set_value("all of ours").run()
    app.button(key="add-items").click().run()
    with Store.open(sample) as store:
        made = benchmarks.list_benchmarks(store)[-1]["benchmark_id"]
    assert "may have been trained on" in texts(open_page("evaluations", benchmark=made))
    assert "all of ours" not in texts(open_page("leaderboard"))


def test_without_a_checkpoint_s_order_disagreements_show_the_way(
    judged: Workspace, open_page: OpenPage
) -> None:
    app = open_page("disagreements")
    assert "none has ordered items" in texts(app)
