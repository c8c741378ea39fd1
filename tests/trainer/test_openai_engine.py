import asyncio
import json
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from trainer.engines.base import Answer, Prompt, Sampling
from trainer.engines.openai import OpenAIEngine, match_options
from trainer.errors import EngineError

KEY = "sk-very-secret-0123456789"
GREEDY = Sampling(max_new_tokens=8)
Script = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as its server's script says; by default, with the prompt's own text."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.send(200, {"object": "list", "data": [{"id": "served-1"}, {"id": "served-2"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            number = len(self.server.requests)
            self.server.requests.append(body)
            self.server.open += 1
        self.body = body
        try:
            self.server.script(self, number)
        except (KeyError, ValueError) as error:  # the script's own; nobody asks again after a 400
            self.send(400, {"error": {"message": repr(error)}})
        finally:
            with self.server.lock:
                self.server.open -= 1

    def send(self, status: int, body: Any, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content-type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, content: str | None = None, **changes: Any) -> None:
        self.send(200, self.reply(content, **changes))

    def reply(self, content: str | None = None, **changes: Any) -> dict[str, Any]:
        said = self.body["messages"][0]["content"]
        message = {"role": "assistant", "content": said if content is None else content}
        choice = {"index": 0, "finish_reason": "stop", "message": message | changes.pop("more", {})}
        return {
            "object": "chat.completion",
            "model": self.body["model"],
            "choices": [choice | changes.pop("choice", {})],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        } | changes

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.lock = threading.Lock()
        self.requests: list[dict[str, Any]] = []
        self.open = 0
        self.released = threading.Event()  # what hangs, hangs until this

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, *_: object) -> None:
        pass  # clients that went away


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    with Server(script) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


def well(handler: Handler, _: int) -> None:
    handler.answer()


def prompt(text: str, prefill: str = "") -> Prompt:
    return Prompt([{"role": "user", "content": text}], prefill)


def engine(*servers: Server, **options: Any) -> OpenAIEngine:
    quick = {"api_key": KEY, "backoff_s": 0.001, "timeout_s": 10.0}
    return OpenAIEngine([server.url for server in servers], "org/tiny", **(quick | options))


def run(engine: OpenAIEngine, *prompts: Prompt, sampling: Sampling = GREEDY) -> list[Answer]:
    """Ask all at the same time."""

    async def together() -> list[Answer]:
        try:
            found = await asyncio.gather(*(engine.generate(each, sampling) for each in prompts))
            return [answer for (answer,) in found]
        finally:
            await engine.close()

    return asyncio.run(together())


def cut_connection(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": ')
    handler.close_connection = True


def hang(handler: Handler) -> None:
    handler.server.released.wait(60)
    handler.close_connection = True


def truncated_json(handler: Handler) -> None:
    handler.send(200, json.dumps(handler.reply())[:-40])


def html_page(handler: Handler) -> None:
    handler.send(200, "<html>Sign in to the proxy</html>", content_type="text/html")


FAULTS: dict[str, Callable[[Handler], None]] = {
    "429": lambda handler: handler.send(429, {"error": {"message": "slow"}}, retry_after="0.01"),
    "500": lambda handler: handler.send(500, "out of order", content_type="text/plain"),
    "503": lambda handler: handler.send(503, "", retry_after="Fri, 01 Jan 2021 00:00:00 GMT"),
    "hang": hang,
    "cut connection": cut_connection,
    "empty body": lambda handler: handler.send(200, ""),
    "empty choices": lambda handler: handler.answer(choices=[]),
    "no message": lambda handler: handler.answer(choice={"message": None}),
    "choice of text": lambda handler: handler.answer(choices=["a"]),
    "nothing within": lambda handler: handler.send(200, {}),
    "truncated JSON": truncated_json,
    "HTML with status 200": html_page,
    "another model": lambda handler: handler.answer(model="org/tiny-2"),
    "no reason to finish": lambda handler: handler.answer("[2]", choice={"finish_reason": None}),
    "given up": lambda handler: handler.answer(choice={"finish_reason": "abort"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_passes_is_asked_again(fault):
    with serving(lambda handler, n: FAULTS[fault](handler) if n == 0 else well(handler, n)) as it:
        (answer,) = run(engine(it, timeout_s=1.0 if fault == "hang" else 10.0), prompt("a"))
    assert answer.text == "a"
    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 2)
    assert answer.seconds < (1 if fault == "hang" else 10)  # of the attempt that was answered
    assert len(it.requests) == 2


def test_every_prompt_gets_its_own_answer_from_an_endpoint_that_misbehaves_in_turn():
    faults = list(FAULTS.values())
    asked: Counter[str] = Counter()

    def in_turn(handler: Handler, number: int) -> None:
        """Misbehave on each prompt's first two attempts, so that none runs out of attempts."""
        said = handler.body["messages"][0]["content"]
        with handler.server.lock:
            asked[said] += 1
            attempt = asked[said]
        if attempt <= 2:
            faults[number % len(faults)](handler)
        else:
            handler.answer()

    prompts = [prompt(f"prompt {number}") for number in range(30)]
    with serving(in_turn) as server:
        answers = run(engine(server, timeout_s=0.5), *prompts)
    assert [answer.text for answer in answers] == [f"prompt {number}" for number in range(30)]
    assert len(server.requests) >= 90


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_ends_in_an_error_that_names_endpoint_and_remedy(fault):
    with (
        serving(lambda handler, _: FAULTS[fault](handler)) as server,
        pytest.raises(EngineError, match="allow fewer calls in flight") as caught,
    ):
        run(engine(server, timeout_s=0.3 if fault == "hang" else 10.0), prompt("a"))
    assert server.url in str(caught.value)
    assert len(server.requests) == 8


@pytest.mark.parametrize("more", [{}, {"reasoning_content": "thinking"}])
def test_an_empty_answer_is_asked_again_and_kept_where_it_stays_empty(more):
    def empty_at_first(handler: Handler, number: int) -> None:
        handler.answer("" if number < 2 else None, more=more)

    with serving(empty_at_first) as server:
        asked = engine(server)
        (answer,) = run(asked, prompt("a"))
    assert answer.text.endswith("a")
    assert asked.failures == {"empty answer": 2}
    with serving(lambda handler, _: handler.answer(" ", more=more)) as server:
        (answer,) = run(engine(server), prompt("a"))
    assert not answer.text.rpartition("</think>")[2].strip()
    assert len(server.requests) == 3


def drop(handler: Handler, _: int) -> None:
    handler.close_connection = True


def test_a_connection_that_is_refused_or_cut_is_told_from_a_timeout():
    with serving(drop) as server:
        asked = engine(server)
        with pytest.raises(EngineError, match=r"cut the connection \(Server disconnected\)"):
            run(asked, prompt("a"))
    assert asked.failures == {"connection": 8}
    gone = engine(server)
    with pytest.raises(EngineError, match=r"could not be reached \(Cannot connect to host"):
        run(gone, prompt("a"))
    assert gone.failures == {"connection": 8}


def test_an_endpoint_is_left_alone_as_long_as_it_asks():
    times = []

    def busy_at_first(handler: Handler, number: int) -> None:
        times.append(time.monotonic())
        if number == 0:
            handler.send(429, {}, retry_after="0.3")
        else:
            handler.answer()

    with serving(busy_at_first) as server:
        run(engine(server), prompt("a"))
    assert times[1] - times[0] >= 0.3


def test_two_endpoints_share_the_load():
    both = threading.Barrier(6)

    def when_all_are_there(handler: Handler, _: int) -> None:
        both.wait(20)
        handler.answer()

    with serving(when_all_are_there) as first, serving(when_all_are_there) as second:
        answers = run(engine(first, second), *(prompt(str(n)) for n in range(6)))
    assert [answer.text for answer in answers] == list("012345")
    assert len(first.requests) == len(second.requests) == 3


def test_an_endpoint_that_keeps_failing_rests_and_comes_back():
    broken = threading.Event()
    broken.set()

    def ill(handler: Handler, _: int) -> None:
        if broken.is_set():
            handler.send(500, "")
        else:
            handler.answer()

    async def story(asked: OpenAIEngine) -> tuple[int, int]:
        for _ in range(10):
            await asyncio.gather(*(asked.generate(prompt("a"), GREEDY) for _ in range(4)))
        while_ill = len(first.requests)
        broken.clear()
        deadline = time.monotonic() + 20
        while len(first.requests) < while_ill + 5 and time.monotonic() < deadline:
            await asyncio.gather(*(asked.generate(prompt("b"), GREEDY) for _ in range(4)))
        await asked.close()
        return while_ill, len(first.requests)

    with serving(ill) as first, serving(well) as second:
        while_ill, at_last = asyncio.run(story(engine(first, second, backoff_s=0.01)))
    assert 3 <= while_ill < 20
    assert at_last >= while_ill + 5
    assert len(second.requests) >= 40


def test_when_all_endpoints_are_tired_calls_wait_for_one_that_shows_itself():
    open_at = []

    def back_after_a_while(handler: Handler, number: int) -> None:
        open_at.append(handler.server.open)
        handler.send(500, "") if number < 23 else handler.answer()

    prompts = [prompt(str(n)) for n in range(20)]
    with serving(back_after_a_while) as server:
        answers = run(engine(server), *prompts)
    assert [answer.text for answer in answers] == [str(n) for n in range(20)]
    assert len(server.requests) == 43
    assert open_at[20:24] == [1, 1, 1, 1]  # after the first 20, one asks for all


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_fails_at_once_and_is_not_told(status):
    def refuse(handler: Handler, _: int) -> None:
        told = handler.headers["authorization"]
        handler.send(status, {"error": {"message": f"no such key: {told}"}})

    with serving(refuse) as server:
        asked = engine(server)
        with pytest.raises(EngineError, match="key") as caught:
            run(asked, prompt("a"))
    assert len(server.requests) == 1
    told = "".join(traceback.format_exception(caught.value)) + repr(asked) + repr(asked.info)
    assert KEY not in told
    assert server.url in told


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, "'org/tiny'. Name one of: served-1, served-2"),
        (422, "422: the server's words. Where the prompt is too long"),
    ],
)
def test_what_will_not_pass_fails_at_once_with_a_remedy(status, said):
    refusal = {"error": {"message": "the server's words"}}
    with serving(lambda handler, _: handler.send(status, refusal)) as server:
        asked = engine(server)
        with pytest.raises(EngineError, match=said):
            run(asked, prompt("a"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("ftp://host/v1", KEY, "no http:// or https://"),
        ("host:8000", KEY, "no http:// or https://"),
        (f"https://me:{KEY}@host/v1", KEY, "holds a user, a password or a query"),
        (f"https://host/v1?key={KEY}", KEY, "holds a user, a password or a query"),
        ("https://host/v1", f"{KEY}\nsecond line", "holds a line break"),
    ],
)
def test_a_bad_url_or_key_is_refused_without_what_is_secret_in_it(url, key, said):
    with pytest.raises(EngineError, match=said) as caught:
        OpenAIEngine([url], "m", api_key=key)
    assert KEY not in str(caught.value)


CUT = {"finish_reason": "length"}


@pytest.mark.parametrize(
    ("content", "more", "choice", "text"),
    [
        ("\n\nb", {"reasoning_content": "a\n"}, {}, "<think>\na\n</think>\nb"),
        ("\n\nb", {"reasoning": "a\n"}, {}, "<think>\na\n</think>\nb"),
        ("<think>\na\n</think>\nb", {}, {}, "<think>\na\n</think>\nb"),
        ("", {"reasoning": "a"}, CUT, "<think>\na"),
    ],
)
def test_a_chain_stands_in_a_think_block_however_it_comes(content, more, choice, text):
    with serving(lambda handler, _: handler.answer(content, more=more, choice=choice)) as server:
        (answer,) = run(engine(server), prompt("a"))
    assert (answer.text, answer.finish_reason) == (text, choice.get("finish_reason", "stop"))


def test_a_prefilled_turn_is_gone_on_with():
    with serving(lambda handler, _: handler.answer("[2] > [1]")) as server:
        (answer,) = run(engine(server), prompt("a", "<answer>\n"))
    assert answer.text == "<answer>\n[2] > [1]"
    (request,) = server.requests
    assert request["messages"][-1] == {"role": "assistant", "content": "<answer>\n"}
    assert request["continue_final_message"] is True
    assert request["add_generation_prompt"] is False


def test_sampling_is_sent_and_each_of_n_has_its_seed():
    sampling = Sampling(7, temperature=0.6, top_p=0.9, top_k=20, min_p=0.1, seed=5, stop=("x",))
    switched = replace(prompt("a"), enable_thinking=False)
    with serving(well) as server:
        answers = asyncio.run(engine(server).generate(switched, sampling, n=2))
    assert len(answers) == 2
    wanted = {"max_tokens": 7, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "stop": ["x"]}
    wanted |= {"min_p": 0.1, "chat_template_kwargs": {"enable_thinking": False}}
    assert all(wanted.items() <= request.items() for request in server.requests)
    assert {request["seed"] for request in server.requests} == {5, 6}


def score(server: Server, *options: str) -> tuple[float, ...]:
    return asyncio.run(engine(server).score_next(prompt("a"), options)).logprobs


def with_logprobs(top: dict[str, float]) -> Script:
    listed = [{"token": token, "logprob": value, "bytes": None} for token, value in top.items()]
    content = [{**listed[0], "top_logprobs": listed}]
    return lambda handler, _: handler.answer(choice={"logprobs": {"content": content}})


def test_an_answer_says_what_answered_and_how_likely_its_tokens_were():
    content = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]
    script = lambda handler, _: handler.answer(choice={"logprobs": {"content": content}})  # noqa: E731
    with serving(script) as server:
        (answer,) = run(engine(server), prompt("a"), sampling=replace(GREEDY, logprobs=True))
        run(engine(server), prompt("a"))
    assert answer.logprobs == (-0.5, -1.5)
    assert (answer.model, answer.chat_template) == ("org/tiny", "the server's own")
    assert [request.get("logprobs") for request in server.requests] == [True, None]


def test_options_are_scored_by_the_returned_tokens_and_the_rest_just_below():
    with serving(with_logprobs({" yes": -0.5, "the": -2.0, "no": -3.0})) as server:
        assert score(server, "no", "yes", "perhaps") == pytest.approx((-3.0, -0.5, -3.7))
    (request,) = server.requests
    assert (request["max_tokens"], request["top_logprobs"]) == (1, 20)


def test_a_bracket_that_all_options_share_is_written_and_the_letter_read():
    bracket, letters = with_logprobs({"[": -0.1, "<": -3.0}), with_logprobs({"B": -0.2, "A": -1.0})
    with serving(lambda handler, n: (letters if n else bracket)(handler, n)) as server:
        assert score(server, "[A]", "[B]") == (-1.0, -0.2)
    assert server.requests[1]["messages"][-1] == {"role": "assistant", "content": "["}


@pytest.mark.parametrize("script", [well, with_logprobs({"the": -1.0})])
def test_options_that_are_not_returned_are_an_error(script):
    with (
        serving(script) as server,
        pytest.raises(EngineError, match="0 of the options yes, no are among them"),
    ):
        score(server, "yes", "no")


def test_options_match_their_longest_token():
    top = {"[": -1.0, "re": -2.0, " relevant": -3.0, "relevant": -4.0, "1": -5.0, "": -6.0}
    assert match_options(["relevant", "[A]", "[B]", "12"], top) == [-4.0, None, None, -5.0]
    assert match_options(["1", "12"], {"1": -1.0, "12": -2.0}) == [-1.0, -2.0]
    with pytest.raises(EngineError, match="begin with the same token"):
        match_options(["1", "12"], top)


def test_passages_are_cut_by_words_or_by_the_model_s_tokens(tiny_model):
    without = OpenAIEngine(["http://host/v1"], "m", api_key=None)
    texts = ["one  two\nthree four", "one two three \n", ""]
    assert without.cut_passages(texts, 4) == ["one  two\nthree", "one two three \n", ""]
    with_one = OpenAIEngine(["http://host/v1"], "m", api_key=None, tokenizer=str(tiny_model))
    assert with_one.cut_passages(["note 1 on number 2"], 2) == ["note 1"]
    assert "the server's own, for prefilled turns" in with_one.info.chat_template


UNKNOWN = {
    "seed": {"error": {"message": "Unsupported parameter: 'seed'.", "param": "seed"}},
    "temperature": {"detail": [{"loc": ["body", "temperature"], "msg": "Extra: not permitted"}]},
    "max_tokens": {
        "error": {
            "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "param": "max_tokens",
        }
    },
}


def test_an_endpoint_is_spared_the_parameters_that_it_does_not_take():
    def strict(handler: Handler, _: int) -> None:
        unknown = next((name for name in UNKNOWN if name in handler.body), None)
        if unknown is None:
            handler.answer()
        else:
            handler.send(422 if unknown == "temperature" else 400, UNKNOWN[unknown])

    with serving(strict) as server:
        found = engine(server)
        answers = run(found, *[prompt(f"{n}") for n in range(4)])
        first = len(server.requests)
        assert run(engine(server), prompt("again"))[0].text == "again"
    assert [answer.text for answer in answers] == ["0", "1", "2", "3"]
    assert first <= 4 * 4
    assert found.left_out == ["max_tokens", "seed", "temperature"]
    last = server.requests[-1]
    assert (last["max_completion_tokens"], last["top_p"]) == (8, 1.0)
    assert not last.keys() & UNKNOWN.keys()


def test_a_value_that_is_refused_is_not_left_out():
    def refuse(handler: Handler, _: int) -> None:
        message = "max_tokens is too large: 8; and temperature must be at most 1"
        handler.send(422, {"error": {"message": message, "param": "max_tokens"}})

    with serving(refuse) as server, pytest.raises(EngineError, match="max_tokens is too large"):
        run(engine(server), prompt("a"))
    assert len(server.requests) == 1
