"""The playground against a real endpoint that streams."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from db import benchmarks
from db.store import Store
from db.workspace import Workspace
from tests.trainer.small import wait_for
from tests.trainer.test_openai_engine import KEY, Handler, serving
from tests.trainer.test_streams import send_stream

OpenPage = Callable[..., AppTest]
PIECES = [
    {"content": "<think>\n[2] names"},
    {"content": " it\n</think>\n<answer>[2] > [1]</answer>"},
]


def rank(app: AppTest, url: str) -> AppTest:
    app.segmented_control(key="playground-a-kind").set_value("Endpoint").run()
    app.text_input(key="playground-a-url").set_value(url)
    app.text_input(key="playground-a-model").set_value("org/tiny").run()
    app.button(key="playground-rank").click().run()
    wait_for(lambda: "Stop" not in [each.label for each in app.run().button], "the answers")
    return app


def words(app: AppTest) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption])


def streaming(handler: Handler, _: int) -> None:
    send_stream(handler, PIECES)


def test_ranks_what_was_pasted(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    app = open_page("playground")
    app.text_area(key="playground_query").set_value("which is it?")
    app.text_area(key="playground_passages").set_value("not this\nit is this").run()
    with serving(streaming) as server:
        rank(app, server.url)
    assert [each.value for each in [*app.error, *app.exception]] == []
    assert "3 prompt tokens, 9 answer tokens" in words(app)
    assert KEY not in words(app)
    (request,) = server.requests
    assert "it is this" in request["messages"][-1]["content"]
    assert "which is it?" in request["messages"][-1]["content"]


def test_a_benchmark_s_query_is_opened_by_a_link(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        (benchmark,) = benchmarks.list_benchmarks(store)
    app = open_page("playground", benchmark=benchmark["benchmark_id"], query="q3")
    assert any("(3)" in text.value for text in app.text)
    assert "8 passages, shown in this order." in words(app)
    search = next(each for each in app.segmented_control if each.label == "Found by")
    search.set_value("bm25").run()
    app.number_input(key="playground_k").set_value(3).run()
    with serving(streaming) as server:
        rank(app, server.url)
    assert "missing" in words(app)  # two of three ids were named
    assert "[3]" in server.requests[0]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("passages", "told"), [("one", "1 found"), ('{"text": "a"}\n{', "passages:2: not JSON")]
)
def test_a_faulty_window_is_told_and_not_asked(
    passages: str, told: str, sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("playground")
    app.text_area(key="playground_passages").set_value(passages).run()
    assert told in app.error[0].value.replace("\\", "")
    assert app.button(key="playground-rank").disabled


def test_a_refusal_is_shown_beside_the_other_answer(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("playground")
    app.segmented_control(key="playground-b-kind").set_value("Endpoint").run()
    with serving(streaming) as well, serving(lambda each, _: each.send(401, {})) as ill:
        app.text_input(key="playground-b-url").set_value(ill.url)
        app.text_input(key="playground-b-model").set_value("org/tiny")
        rank(app, well.url)
    assert "refused the API key" in app.error[0].value.replace("\\", "")
    assert "9 answer tokens" in words(app)


def test_stop_keeps_what_was_written(sample: Workspace, open_page: OpenPage) -> None:
    def endless(handler: Handler, _: int) -> None:
        send_stream(handler, PIECES[:1], finish=None)
        handler.server.released.wait(60)

    app = open_page("playground")
    app.segmented_control(key="playground-a-kind").set_value("Endpoint").run()
    with serving(endless) as server:
        app.text_input(key="playground-a-url").set_value(server.url)
        app.text_input(key="playground-a-model").set_value("org/tiny").run()
        app.button(key="playground-rank").click().run()
        wait_for(lambda: "[2] names" in [t.value[-9:] for t in app.run().text], "the chain")
        app.button(key="playground-stop").click().run()
        wait_for(lambda: "Stopped." in words(app.run()), "the end")
    assert "[2] names" in app.text[-1].value
    assert not app.button(key="playground-rank").disabled
