"""The item on the review page: what is said in a fix is recorded, and foreign text stays inert."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app.drafts import Draft
from app.widgets.ranking import review_panes
from app.widgets.reader import Card, cards_pane, chain_pane, diff_pane
from app.widgets.text import brief, key_of, plain, visible
from curation import review
from curation.intake import import_reasonrank
from curation.orders import orders_of
from curation.segments import steps_of
from curation.training_items import ranking_id
from curation.word_diff import word_diff
from db import details, item_writes, items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.test_review import current, press

OpenPage = Callable[..., AppTest]
HIDING = "\u202epal\u202c a\u200bb\ufeff \x1b[31mred\x00 soft\xad"
SPELLED = "⟨U+202E⟩pal⟨U+202C⟩ a⟨U+200B⟩b⟨U+FEFF⟩ ⟨U+001B⟩[31mred⟨U+0000⟩ soft⟨U+00AD⟩"


@pytest.fixture
def authored(sample: Workspace) -> Workspace:
    """A workspace whose items have a second sample, and orders by a teacher and a checkpoint."""
    with Store.open(sample) as store:
        made = []
        for item_id in items.list_items(store, ItemFilter(), limit=99)["item_id"]:
            first = items.get_rankings(store, item_id)[0]
            for at, (author, name) in enumerate(
                (("teacher", "teacher"), ("teacher", "careful"), ("checkpoint", "sft-1")), start=1
            ):
                docids = (
                    *first.docids[at % len(first.docids) :],
                    *first.docids[: at % len(first.docids)],
                )
                chain = f"{first.chain} So said {name}."
                made.append(
                    replace(
                        first,
                        ranking_id=ranking_id(item_id, author, name, docids, chain),
                        author=author,
                        author_name=name,
                        docids=docids,
                        chain=chain,
                    )
                )
        with store.transaction() as cursor:
            item_writes.insert_rankings(cursor, item_writes.ranking_frame(made))
    return sample


def draft(app: AppTest) -> Draft:
    found: Draft = app.session_state["desk"].draft(current(app))
    return found


def test_a_fix_records_how_its_order_came_about(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    item_id = current(app)
    press(app, "start-fix")
    entered = draft(app)
    entered.order.insert(0, entered.order.pop())
    top, second = entered.order[:2]
    entered.relevant.add(top)
    entered.relevant.discard(second)
    entered.grades, entered.ranked, entered.tied = {top: 3, second: 1}, 1, {second}
    entered.steps = {0: 1}
    app.run()
    assert any("nDCG@10" in text.value and "top 1" in text.value for text in app.markdown)
    press(app, "fix")
    with Store.open(sample) as store:
        shown = review.load(store, item_id, "ada")
        (detail,) = details.details_of(store, item_id).values()
    docids = [candidate.docid for candidate in shown.item.candidates]
    judgment = shown.judgments[0]
    assert judgment.grades == {docids[top - 1]: 3, docids[second - 1]: 1}
    assert detail.started_from == shown.teacher.ranking_id
    assert (detail.ranked, detail.tied) == (1, (docids[second - 1],))
    assert [(step.start, step.mark) for step in detail.steps] == [(0, 1)]


def test_grades_alone_are_an_approval(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    item_id = current(app)
    press(app, "start-fix")
    best = next(iter(draft(app).relevant))
    draft(app).grades = {best: 2}
    press(app, "fix")
    with Store.open(sample) as store:
        (judgment,) = review.load(store, item_id, "ada").judgments
    assert judgment.verdict == "approve"
    assert list(judgment.grades.values()) == [2]


def test_a_chain_is_rewritten_and_restored(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    item_id = current(app)
    press(app, "start-fix")
    press(app, "write")
    assert draft(app).writing
    draft(app).chain = "So [1]."
    app.run()
    press(app, "unwrite")
    assert draft(app).chain is None
    press(app, "write")
    draft(app).chain = "So [1]."
    press(app, "write")
    press(app, "fix")
    with Store.open(sample) as store:
        shown = review.load(store, item_id, "ada")
    assert shown.rankings[-1].chain == "So [1]."
    assert shown.judgments[0].ranking_id == shown.rankings[-1].ranking_id


def test_a_fix_begins_as_any_authors_order_until_it_is_edited(
    authored: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    item_id = current(app)
    with Store.open(authored) as store:
        shown = review.load(store, item_id, "ada")
        orders = orders_of(store, shown)
    assert orders[0].ranking == shown.teacher
    names = {order.name for order in orders}
    assert names == {"teacher, sample 1", "teacher, sample 2", "careful", "sft-1"}
    press(app, "start-fix")
    begun = []
    for _ in range(len(orders) + 1):
        begun.append(draft(app).started_from)
        press(app, "begin")
    assert begun == [*(order.ranking.ranking_id for order in orders), ""]
    draft(app).order.reverse()
    app.run()
    assert app.button(key=f"begin-{key_of(item_id)}").disabled


def test_one_key_compares_orders_and_chains(authored: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    app.button(key="compare").click().run()
    assert app.query_params["compare"] == "yes"
    assert app.get("vega_lite_chart")
    first = app.button(key="compare-right").label
    app.button(key="compare-right").click().run()
    assert app.button(key="compare-right").label != first
    assert not app.exception
    app.button(key="compare").click().run()
    assert "compare" not in app.query_params
    assert not app.get("vega_lite_chart")


def test_what_is_hidden_cannot_be_compared(authored: Workspace, open_page: OpenPage) -> None:
    app = open_page("review", mode="Blind first", compare="yes")
    assert not app.get("vega_lite_chart")
    assert "compare" not in {button.key for button in app.button}


@given(st.text())
def test_nothing_that_hides_or_reorders_is_left(text: str) -> None:
    left = visible(text).replace("\r\n", "\n")
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", left
    )


def test_what_hides_is_spelled_out_everywhere() -> None:
    assert visible(HIDING) == SPELLED
    assert visible("a\tb\r\nc\nd é 中 ✓\ufe0f") == "a\tb\r\nc\nd é 中 ✓\ufe0f"
    assert SPELLED.replace("[", "\\[").replace("+", "\\+") == plain(HIDING)
    for pane in (
        chain_pane("t", f"{HIDING} so [1]", 1),
        diff_pane("t", word_diff(f"{HIDING} so [1]", "so [1]")[0], 1),
        cards_pane("t", [Card(1, HIDING, HIDING, HIDING, None)]),
    ):
        sent = json.dumps(pane, ensure_ascii=False)
        assert not re.search("[\u202a-\u202e\u200b\ufeff\xad]", sent)
        assert "U+202E" in sent


def test_a_megabyte_in_one_line_goes_to_the_page(
    workspace: Workspace, open_page: OpenPage, tmp_path: Path
) -> None:
    long = "x" * 1_000_000
    folder = tmp_path / "layout"
    texts = {"id_query": {long: long}, "id_doc": {"a": long, f"b{HIDING}": HIDING}}
    for kind, values in texts.items():
        (folder / kind).mkdir(parents=True)
        (folder / kind / "d.json").write_text(json.dumps(values), encoding="utf-8")
    docids = list(texts["id_doc"])
    row = {
        "dataset": "d",
        "qid": long,
        "initial_list": docids,
        "final_list": docids,
        "reasoning": f"{long} so [2] {HIDING}",
        "relevant_docids": docids[:1],
    }
    (folder / "training_data_all.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with Store.create(workspace) as store:
        import_reasonrank(store, folder, imported_by="ada")
        (item_id,) = items.next_item_ids(store, ItemFilter())
        shown = review.load(store, item_id, "ada")
    app = open_page("review")
    assert not app.exception
    assert len(app.text[0].value) < 30_000
    assert "more characters" in app.text[0].value
    assert all(len(text.value) < 10_000 for text in app.markdown)
    chain, _ = review_panes(shown, "teacher", Draft(), hidden=False)
    assert (
        "".join(
            part
            for step in chain["steps"]
            for line in step["sentences"]
            for part in line
            if isinstance(part, str)
        ).count("x")
        == 1_000_000
    )
    assert len(chain["steps"]) == len(steps_of(shown.teacher.chain)) > 200
    assert brief("abcde", 2) == "ab… (3 more characters)"
    assert brief("abc", 2) == "ab…"
