import pytest

from tests.trainer.test_openai_engine import html_page, serving
from tests.trainer.test_streams import send_stream
from trainer import playground
from trainer.engines.opening import Served
from trainer.engines.transformers import TransformersEngine
from trainer.playground import Asking, Playing

ASKING = Asking("listwise-short", reasoning=True, max_new_tokens=40, max_passage_tokens=16)
PASSAGES = ["note 1 on number 4", "note 2 on number 5"]


def played(source, asking=ASKING) -> Playing:
    playing = Playing(source, "which note is on number 5?", PASSAGES, asking)
    assert playing.done.wait(60)
    return playing


def served(server, **options) -> Served:
    return Served(model="org/tiny", base_urls=(server.url,), **options)


def test_a_checkpoint_ranks_the_window(taught_model):
    engine = TransformersEngine(str(taught_model))
    first, second = played(engine), played(engine)  # each in an event loop of its own
    assert first.error is None
    assert sorted(first.ranked.permutation) == [1, 2]
    assert first.text == first.ranked.answer.text == second.text
    assert first.ranked.answer.completion_tokens <= 40


def test_an_endpoint_ranks_the_window_and_begins_directly_where_asked():
    pieces = [{"content": "[2] >"}, {"content": " [1]\n</answer>"}]
    with serving(lambda handler, _: send_stream(handler, pieces)) as server:
        direct = Asking("listwise", reasoning=False, max_new_tokens=9, max_passage_tokens=9)
        playing = played(served(server), direct)
    assert (playing.ranked.permutation, playing.ranked.status) == ((2, 1), "ok")
    (request,) = server.requests
    assert request["messages"][-1]["content"].endswith("</think>\n<answer>\n")
    assert request["max_tokens"] == 9


def test_a_refusal_is_kept_as_an_error():
    with serving(lambda handler, _: handler.send(401, {})) as server:
        playing = played(served(server))
    assert "refused the API key" in str(playing.error)
    assert playing.ranked is None


def test_a_template_of_another_method_is_an_error_with_a_remedy(taught_model):
    asking = Asking("pairwise", reasoning=True, max_new_tokens=9, max_passage_tokens=9)
    assert "method" in str(played(TransformersEngine(str(taught_model)), asking).error)


@pytest.mark.parametrize("begun", [True, False])
def test_a_stopped_answer_ends_and_keeps_what_was_written(begun):
    def endless(handler, _):
        if begun:
            send_stream(handler, [{"content": "so far"}], finish=None)
        handler.server.released.wait(60)

    with serving(endless) as server:
        playing = Playing(served(server), "q", PASSAGES, ASKING)
        while begun and not playing.text:
            assert not playing.done.wait(0.01)
        playing.stop()
        assert playing.done.wait(20)
    assert (playing.text, playing.ranked, playing.error) == ("so far" if begun else "", None, None)


def test_an_answer_that_nobody_watches_ends(monkeypatch):
    monkeypatch.setattr(playground, "UNWATCHED_S", -1.0)

    def endless(handler, _):
        send_stream(handler, [{"content": "so far"}], finish=None)
        handler.server.released.wait(60)

    with serving(endless) as server:
        playing = played(served(server))
    assert (playing.look(), playing.ranked) == ("so far", None)


def test_what_is_no_completion_is_asked_again_until_it_is_one():
    def later(handler, number):
        if number:
            send_stream(handler, [{"content": "<answer>[1] > [2]</answer>"}])
        else:
            html_page(handler)

    with serving(later) as server:
        assert played(served(server)).ranked.status == "ok"
