"""What an evaluation sent back says so on the review page, with the model's chain."""

from collections.abc import Callable

import polars as pl
from streamlit.testing.v1 import AppTest

from db import evaluations, items, returns
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from trainer import returning

OpenPage = Callable[..., AppTest]


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def test_a_reviewer_reads_why_an_item_is_back(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        evaluation = evaluations.get_evaluation(store, "sft on held-out")["evaluation_id"]
        item_id = items.next_item_ids(store, ItemFilter())[0]
        row = (item_id, evaluation, "q0", "chosen", "look *here*", 0.75)
        names = ["item_id", "evaluation_id", "qid", "reason", "detail", "similarity"]
        returns.insert_returns(store, pl.DataFrame([row], schema=names, orient="row"), "ada")
    app = open_page("review", item=item_id)
    assert errors(app) == []
    told = " ".join(each.value for each in app.markdown)
    assert "Chosen by hand" in told
    assert "look \\*here\\*" in told
    assert any("The rule is in [4]" in text.value for text in app.text)


def test_one_query_is_sent_with_a_note(sample: Workspace, open_page: OpenPage, monkeypatch) -> None:
    def first_items(texts, among, k, on_progress):
        return {key: [(each, 0.9) for each in sorted(among)[:k]] for key in texts}

    monkeypatch.setattr(returning, "nearest", first_items)
    app = open_page("queries", query="q1")
    assert errors(app) == []
    note = next(each for each in app.text_input if each.label == "Why")
    note.set_value("strange labels").run()
    send = [each for each in app.button if each.label == "Send"][-1]
    send.click().run()
    assert errors(app) == []
    with Store.open(sample) as store:
        (item_id, *_) = items.next_item_ids(store, ItemFilter(verdict="returned"))
        (why,) = returns.open_returns(store, item_id)
    assert why["reason"] == "chosen"
    assert why["detail"].startswith("strange labels, nDCG@10 ")
