"""Samples: an item asked again with a hint, over a real endpoint."""

from curation import review
from db import items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.conftest import OpenPage
from tests.app.test_pages import errors
from tests.trainer.test_openai_engine import serving
from tests.trainer.test_streams import send_stream


def test_an_item_is_asked_again_with_a_hint_and_a_fix_takes_the_answer(
    sample: Workspace, open_page: OpenPage
) -> None:
    with Store.open(sample) as store:
        item_id = items.next_item_ids(store, ItemFilter(verdict="open"))[0]
    order = " > ".join(f"[{number}]" for number in range(8, 0, -1))
    pieces = [
        {"reasoning_content": "The hint says [8]."},
        {"content": f"<answer>\n{order}\n</answer>"},
    ]
    app = open_page("samples", item=item_id)
    with serving(lambda handler, _: send_stream(handler, pieces)) as server:
        app.segmented_control(key="hint-kind").set_value("Endpoint").run()
        app.text_input(key="hint-url").set_value(server.url)
        app.text_input(key="hint-model").set_value("org/tiny").run()
        assert app.button(key="ask-again").disabled  # without a hint it would be a sample
        app.text_area[0].set_value("read $x$ in [8]").run()
        app.button(key="ask-again").click().run()
        playing = app.session_state["asked-again"][-1]
        assert playing.done.wait(30)
    app.run()
    assert errors(app) == []
    (request,) = server.requests
    assert request["messages"][-1]["content"].endswith("Hint: read $x$ in [8]")
    app.button(key="keep-hinted").click().run()
    assert errors(app) == []
    assert "Hint: read $x$ in [8]" in [each.value for each in app.text]
    with Store.open(sample) as store:
        kept = review.load(store, item_id, "ada").rankings[1]
    assert (kept.author_name, kept.hint, kept.ndcg < 1) == ("org/tiny", "read $x$ in [8]", True)

    app = open_page("review", item=item_id)
    next(each for each in app.button if each.label == "Fix").click().run()
    begin = next(each for each in app.button if each.label.startswith("From "))
    begin.click().run()
    draft = app.session_state["desk"].draft(item_id)
    assert (draft.started_from, draft.chain) == (kept.ranking_id, "The hint says [8].")
    assert draft.order == list(range(8, 0, -1))
