"""Lines to an engine: order of calls, what is recorded, budgets, and what is never asked twice."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from trainer.asking import Answering, Call, Desk, Line, summarize
from trainer.engines.base import Answer, EngineInfo, NextTokens, Prompt, Sampling
from trainer.errors import EngineError, EvaluationError
from trainer.inflight import InFlight
from trainer.rerank import rerank
from trainer.strategies.base import Strategy
from trainer.strategies.listwise import Listwise, ListwiseDirect
from trainer.strategies.pairwise import Pairwise
from trainer.strategies.partition import Tournament
from trainer.strategies.pointwise import PointwiseScore, PointwiseYesNo
from trainer.strategies.questions import ANSWER, NO_CHAIN, Question


@dataclass
class Script:
    """An engine that answers by a function of the prompt and remembers what was in flight."""

    answer: Callable[[Prompt, Sampling], Answer]
    asked: list[tuple[Prompt, Sampling]] = field(default_factory=list)
    scored: list[Prompt] = field(default_factory=list)
    flying: int = 0
    most: int = 0
    info = EngineInfo("script", "none", "none")
    in_flight = 3

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        self.flying += 1
        self.most = max(self.most, self.flying)
        self.asked.append((prompt, sampling))
        await asyncio.sleep(0)
        self.flying -= 1
        return [self.answer(prompt, sampling)] * n

    async def score_next(self, prompt: Prompt, options: Sequence[str]) -> NextTokens:
        self.scored.append(prompt)
        await asyncio.sleep(0)
        return NextTokens(tuple(-float(i) for i in range(len(options))), 7, 0.1)

    def cut_passages(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        return list(texts)

    async def close(self) -> None:
        pass


def backwards(prompt: Prompt, sampling: Sampling) -> Answer:
    """Turn every window round."""
    n = prompt.messages[-1]["content"].count("passage d")
    order = " > ".join(f"[{number}]" for number in range(n, 0, -1))
    return Answer(f"{prompt.prefill}<think>x</think><answer>{order}</answer>", 10, 5, 0.1, "stop")


def desk(engine: Script, calls: list[Call], answered: Sequence[Call] = (), **settings) -> Desk:
    return Desk(
        engines={"main": engine, "small": engine},
        answering=Answering(max_new_tokens=100, **settings),
        passage_texts=lambda docids: [f"passage {docid}" for docid in docids],
        in_flight=InFlight(engine.in_flight),
        answered={(call.qid, call.call): call for call in answered},
        on_call=calls.append,
    )


def lists(*sizes: int) -> dict[str, list[str]]:
    return {f"q{i}": [f"d{n}" for n in range(size)] for i, size in enumerate(sizes)}


def run(strategy: Strategy, candidates: dict[str, list[str]], at: Desk) -> dict[str, list[str]]:
    queries = dict.fromkeys(candidates, "why?")
    return asyncio.run(rerank(queries, candidates, strategy, 100, at))


WINDOWS = Listwise(window=4, step=2)


def test_calls_in_flight_are_bounded_and_the_longest_work_goes_first():
    engine, calls = Script(backwards), []
    order = run(WINDOWS, lists(4, 4, 4, 12, 4, 4), desk(engine, calls))
    assert engine.most == 3
    assert {qid: len(docids) for qid, docids in order.items()} == {
        qid: len(docids) for qid, docids in lists(4, 4, 4, 12, 4, 4).items()
    }
    # Of those that wait, q3 with its five windows is next, and never waits behind the others.
    first = [call.qid for call in calls].index("q3")
    assert first <= 3
    assert [call.qid for call in calls][-1] in ("q3", "q5")


def test_a_query_moves_on_without_waiting_for_others():
    slow = asyncio.Event()

    class Held(Script):
        async def generate(self, prompt, sampling, *, n=1):
            if "slow" in prompt.messages[-1]["content"]:
                await slow.wait()
            return [self.answer(prompt, sampling)]

    calls: list[Call] = []
    engine = Held(backwards)

    async def both() -> None:
        queries = {"q0": "slow one", "q1": "quick one"}
        at = desk(engine, calls)
        task = asyncio.create_task(rerank(queries, lists(4, 10), WINDOWS, 100, at))
        while sum(call.qid == "q1" for call in calls) < 4:
            await asyncio.sleep(0)
        assert not any(call.qid == "q0" for call in calls)
        slow.set()
        await task

    asyncio.run(asyncio.wait_for(both(), 20))


def test_rounds_and_numbers_tell_what_went_out_together():
    calls: list[Call] = []
    run(Tournament(window=4, keep=2), lists(8), desk(Script(backwards), calls))
    assert sorted((call.call, call.round) for call in calls) == [(0, 1), (1, 1), (2, 2)]


@pytest.mark.parametrize("kept", range(6))
def test_a_resumed_query_asks_only_for_what_is_missing(kept):
    whole: list[Call] = []
    order = run(WINDOWS, lists(10, 6), desk(Script(backwards), whole))
    engine, fresh = Script(backwards), []
    again = run(WINDOWS, lists(10, 6), desk(engine, fresh, whole[:kept]))
    assert again == order
    assert len(engine.asked) == len(fresh) == 6 - kept
    assert sorted([*whole[:kept], *fresh], key=lambda c: (c.qid, c.call)) == sorted(
        whole, key=lambda c: (c.qid, c.call)
    )


def test_a_call_that_does_not_fit_is_refused():
    whole: list[Call] = []
    run(WINDOWS, lists(6), desk(Script(backwards), whole))
    for change in ({"docids": ("d9", "d8")}, {"kind": "best"}, {"sample": 2}, {"model": "small"}):
        bad = replace(whole[0], **change)
        with pytest.raises(EvaluationError, match="'q0' does not fit"):
            run(WINDOWS, lists(6), desk(Script(backwards), [], [bad]))


def test_a_failing_call_ends_the_rest_and_keeps_what_was_answered():
    def failing(prompt: Prompt, sampling: Sampling) -> Answer:
        if len(calls) == 3:
            raise EngineError("the endpoint is gone")
        return backwards(prompt, sampling)

    calls: list[Call] = []
    with pytest.raises(EngineError, match="the endpoint is gone"):
        run(WINDOWS, lists(10, 10), desk(Script(failing), calls))
    assert len(calls) == 3


def test_direct_questions_begin_the_answer_and_reasoned_ones_do_not():
    engine = Script(backwards)
    run(WINDOWS, lists(4), desk(engine, []))
    run(PointwiseYesNo(), lists(2), desk(engine, []))
    run(Pairwise(method="all-pairs"), lists(2), desk(engine, []))
    assert [prompt.prefill for prompt, _ in engine.asked] == [""]
    assert [prompt.prefill for prompt in engine.scored] == [NO_CHAIN + ANSWER] * 4


@pytest.fixture
def bare(tmp_path) -> str:
    """A template in RankLLM's form, which asks for an answer without tags."""
    path = tmp_path / "zephyr.yaml"
    path.write_text(
        'method: singleturn_listwise\nbody: "[{rank}] {candidate}"\n'
        'suffix: "Query: {query}. The output format should be [] > [], e.g., [2] > [1]"\n'
    )
    return str(path)


@pytest.mark.parametrize("strategy", [Listwise, ListwiseDirect])
@pytest.mark.parametrize("said", ["[2] > [1]", "<think>a</think>\n[2] > [1]"])
def test_a_template_without_tags_is_answered_without_them(bare, strategy, said):
    engine, calls = Script(lambda *_: Answer(said, 10, 5, 0.1, "stop")), []
    order = run(strategy(template=bare), lists(2), desk(engine, calls))
    assert order == {"q0": ["d1", "d0"]}
    assert [call.status for call in calls] == ["ok"]
    assert [prompt.prefill for prompt, _ in engine.asked] == [""]


def test_a_score_is_asked_after_its_chain():
    def thinks(prompt: Prompt, sampling: Sampling) -> Answer:
        assert sampling.stop == ("<answer>",)
        return Answer("<think>\nIt fits.\n</think>\n", 10, 6, 0.2, "stop")

    engine, calls = Script(thinks), []
    run(PointwiseScore(highest=2), lists(1), desk(engine, calls))
    assert engine.scored[0].prefill == "<think>\nIt fits.\n</think>\n<answer>\n"
    (call,) = calls
    assert (call.prompt_tokens, call.completion_tokens) == (17, 6)
    assert call.seconds == pytest.approx(0.3)
    assert sum(call.scores) == pytest.approx(1)


def test_a_chain_over_its_budget_is_closed_and_answered():
    def rambles(prompt: Prompt, sampling: Sampling) -> Answer:
        if prompt.prefill:
            return Answer(prompt.prefill + "[2] > [1]\n</answer>", 20, 4, 0.1, "stop")
        return Answer("<think>\nLet me see", 10, sampling.max_new_tokens, 0.1, "length")

    engine, calls = Script(rambles), []
    order = run(WINDOWS, lists(2), desk(engine, calls, thinking_budget=30))
    assert order == {"q0": ["d1", "d0"]}
    assert [sampling.max_new_tokens for _, sampling in engine.asked] == [30, 70]
    assert engine.asked[1][0].prefill == "<think>\nLet me see\n</think>\n<answer>\n"
    assert (calls[0].status, calls[0].completion_tokens) == ("ok", 34)


@pytest.mark.parametrize(
    ("cut", "prefill"),
    [
        ("<think>\na\n</think>\n<answer>\n[2] > [", "<think>\na\n</think>\n<answer>\n[2] > ["),
        ("so <answer>\n[2", "so <answer>\n[2"),
        ("<think>\nI write <answer>[1]</answer> or", "<think>\nI write\n</think>\n<answer>\n"),
        ("<think>\na\n</think>\n", "<think>\na\n</think>\n<answer>\n"),
    ],
)
def test_an_answer_that_the_budget_cuts_is_gone_on_with(cut, prefill):
    def rambles(prompt: Prompt, sampling: Sampling) -> Answer:
        if prompt.prefill:
            return Answer("<think>\na\n</think>\n<answer>[2] > [1]</answer>", 20, 4, 0.1, "stop")
        return Answer(cut, 10, 30, 0.1, "length")

    engine, calls = Script(rambles), []
    run(WINDOWS, lists(2), desk(engine, calls, thinking_budget=30))
    assert [prompt.prefill for prompt, _ in engine.asked] == ["", prefill]
    assert calls[0].status == "ok"


def test_a_whole_answer_is_not_gone_on_with_and_a_bare_one_is(bare):
    def rambles(prompt: Prompt, sampling: Sampling) -> Answer:
        return Answer("<think>\na\n</think>\n<answer>[2] > [1]</answer> so", 9, 30, 0.1, "length")

    engine = Script(rambles)
    run(WINDOWS, lists(2), desk(engine, [], thinking_budget=30))
    assert len(engine.asked) == 1
    engine = Script(lambda prompt, _: Answer("<think>a</think>\n[2] >", 9, 30, 0.1, "length"))
    run(Listwise(template=bare), lists(2), desk(engine, [], thinking_budget=30))
    assert engine.asked[1][0].prefill == "<think>a</think>\n[2] >"


def test_a_chain_that_is_cut_before_a_score_is_told():
    engine, calls = Script(lambda *_: Answer("<think>\nIt", 10, 6, 0.2, "length")), []
    run(PointwiseScore(highest=2), lists(1), desk(engine, calls))
    assert engine.scored[0].prefill == "<think>\nIt\n</think>\n<answer>\n"
    assert [call.status for call in calls] == ["truncated"]


def test_every_call_draws_with_a_seed_of_its_own():
    def seeds(seed: int) -> list[int]:
        engine = Script(backwards)
        run(WINDOWS, lists(8, 8), desk(engine, [], temperature=0.7, seed=seed))
        return sorted(sampling.seed for _, sampling in engine.asked)

    assert len(set(seeds(1))) == 6
    assert seeds(1) == seeds(1) != seeds(2)


def test_the_chat_template_s_switch_is_told_with_every_prompt():
    engine = Script(lambda *_: Answer("<think>\na", 10, 30, 0.1, "length"))
    run(WINDOWS, lists(2), desk(engine, [], enable_thinking=True, thinking_budget=30, min_p=0.1))
    run(PointwiseYesNo(), lists(1), desk(engine, [], enable_thinking=True))
    prompts = [*(prompt for prompt, _ in engine.asked), *engine.scored]
    assert [prompt.enable_thinking for prompt in prompts] == [True] * 3
    assert {sampling.min_p for _, sampling in engine.asked} == {0.1}


def test_a_cancelled_wait_gives_its_place_on():
    async def scene() -> list[str]:
        bound, done, go = InFlight(1), [], asyncio.Event()

        async def work(name: str, left: int) -> None:
            async with bound.turn(left):
                done.append(name)
                await go.wait()

        tasks = {
            name: asyncio.create_task(work(name, left))
            for name, left in (("holder", 1), ("a", 1), ("b", 9), ("gone", 5))
        }
        await asyncio.sleep(0)
        tasks.pop("gone").cancel()
        go.set()
        await asyncio.gather(*tasks.values())
        return done

    assert asyncio.run(scene()) == ["holder", "b", "a"]


def test_one_line_serves_two_models():
    calls: list[Call] = []

    async def scene() -> None:
        line = Line(desk(Script(backwards), calls), "q", "why?", 2)
        question = Question("order", ("d0", "d1"), "listwise", reasoning=True)
        await line([question])
        await line.on("small")([question])

    asyncio.run(scene())
    assert [(call.call, call.round, call.model) for call in calls] == [
        (0, 1, "main"),
        (1, 2, "small"),
    ]


def test_the_summary_says_how_much_samples_disagree():
    def call(sample: int, docids: str, permutation: tuple[int, ...], round_: int = 1) -> Call:
        return Call(
            *("q", sample, round_, "main", "order", 0),
            *(tuple(docids), sample, "", permutation, (), "ok", 1, 1, 0.1),
        )

    agreed = [call(0, "abc", (1, 2, 3)), call(1, "cba", (3, 2, 1))]
    reversed_ = [call(2, "abc", (1, 2, 3), round_=2), call(3, "abc", (3, 2, 1), round_=2)]
    assert summarize(agreed)["disagreement"] == 0
    assert summarize(agreed + reversed_)["disagreement"] == 0.5
    assert "disagreement" not in summarize(agreed[:1])
    groups = [call(0, "abc", (1, 2, 3)), call(1, "def", (1, 2, 3))]  # of a tournament
    assert "disagreement" not in summarize(groups)
