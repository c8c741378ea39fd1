"""A query's calls: two evaluations' chains side by side, and one evaluation replayed by rounds."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.widgets.bump import bump
from app.widgets.query_diff import benchmark_of
from app.widgets.reader import Card, Pane, blank_pane, cards_pane, chain_pane, moved, reader
from app.widgets.text import key_of, many, plain
from curation.benchmarks import Benchmark
from curation.fusion import kemeny, reciprocal_rank
from curation.permutation import parse_response
from curation.replay import Round, moves, replay
from db import evaluations
from db.store import Store

CHROME = 300  # pixels around the reader: it is seen after scrolling past the table
FEW = 12  # calls that are named in a box; more stand in a table


def chains_side_by_side(
    store: Store, benchmark_id: str, baseline: str, evaluation: str, qid: str
) -> None:
    """Draw one call of each evaluation for the query: chain over window."""
    benchmark = benchmark_of(store, benchmark_id)
    for side, (column, wanted) in enumerate(
        zip(st.columns(2, gap="small"), (baseline, evaluation), strict=True)
    ):
        with column:
            found = evaluations.get_evaluation(store, wanted)
            st.markdown(f"**{plain(found['name'])}** :gray[{plain(found['strategy'])}]")
            calls = evaluations.calls_of(store, wanted, qid)
            key = key_of("chains", side, wanted, qid)
            if not calls:
                order = evaluations.ranking_of(store, wanted, qid)
                st.caption("A first stage: it orders without a call, so there is no chain.")
                panes = [_list_pane("Its order", benchmark, qid, order)]
            else:
                panes = _call_panes(benchmark, qid, _choose(calls, key))
            reader(panes, token=key, key=f"chains-{side}", chrome=260, stacked=True)


def replay_view(store: Store, benchmark_id: str, evaluation: str, qid: str) -> None:
    """Draw one evaluation's calls for the query round by round; the round stands in the URL."""
    found = evaluations.get_evaluation(store, evaluation)
    calls = evaluations.calls_of(store, evaluation, qid)
    if not calls:
        st.caption(
            f"{plain(found['name'])} made no calls for the query: it is a first-stage order."
        )
        return
    final = evaluations.ranking_of(store, evaluation, qid)
    kind = str(found["settings"].get("strategy", ""))
    rounds = replay(calls, final, fuse=kemeny if "kemeny" in kind else reciprocal_rank)
    number = _stepper(rounds)
    now = rounds[number - 1]
    benchmark = benchmark_of(store, benchmark_id)
    if now.window is None:
        st.caption(
            f"{plain(found['strategy'])} asks about passages that are no window of the list: each "
            "round shows its calls and their answers."
        )
        key = key_of("replay", evaluation, qid, number)
        panes = _call_panes(benchmark, qid, _choose(now.calls, key), side_by_side=True)
        reader(panes, token=key, key="replay-call", chrome=CHROME)
        return
    _flow(benchmark, qid, rounds, number)
    call = _choose(now.calls, key_of("replay", evaluation, qid, number))
    reader(
        _round_panes(benchmark, qid, now, call),
        token=f"{evaluation} {qid} {number} {call['call']}",
        key="replay",
        chrome=CHROME,
    )


def _stepper(rounds: Sequence[Round]) -> int:
    """Draw previous, the round, next; return the number of the chosen round, 1-based."""
    last = len(rounds)
    written = st.query_params.get("round", "1")
    now = min(max(int(written), 1), last) if written.isascii() and written.isdigit() else 1
    st.session_state["round"] = now  # the URL decides; widgets write to it first

    def go(to: int | None = None) -> None:
        st.query_params["round"] = str(to or st.session_state["round"])

    left, middle, right = st.columns([1, 3, 1], vertical_alignment="bottom")
    left.button(
        "Previous",
        key="round-previous",
        shortcut="Left",
        icon=":material/chevron_left:",
        disabled=now <= 1,
        on_click=go,
        args=(now - 1,),
        width="stretch",
    )
    middle.selectbox(
        "Round",
        range(1, last + 1),
        format_func=lambda number: f"Round {number} of {last}: {_about(rounds[number - 1])}",
        key="round",
        on_change=go,
        label_visibility="collapsed",
    )
    right.button(
        "Next",
        key="round-next",
        shortcut="Right",
        icon=":material/chevron_right:",
        disabled=now >= last,
        on_click=go,
        args=(now + 1,),
        width="stretch",
    )
    return now


def _about(each: Round) -> str:
    if each.window is None:
        return many(len(each.calls), "call")
    came_up = sum(by > 0 for by in moves(each.before, each.after).values())
    samples = f", {len(each.calls)} samples" if len(each.calls) > 1 else ""
    return f"places {each.window[0] + 1} to {each.window[1]}{samples}, {came_up} moved up"


def _flow(benchmark: Benchmark, qid: str, rounds: Sequence[Round], number: int) -> None:
    """Draw the list through all rounds, this round's window filled."""
    orders = [rounds[0].before, *(each.after for each in rounds)]
    windows = {at: each.window for at, each in enumerate(rounds, start=1) if each.window}
    names = [
        "before",
        *(str(at) if at % _every(rounds) == 0 else "" for at in range(1, len(orders))),
    ]
    labels = benchmark.qrels.get(qid, {})
    texts = {each.docid: each.text[:120] for each in benchmark.passages(orders[-1])}
    relevant = {docid for docid, grade in labels.items() if grade > 0}
    st.altair_chart(
        bump(orders, names, texts, relevant, windows=windows, now=number),
        alt="The list through the rounds",
    )


def _every(rounds: Sequence[Round]) -> int:
    return -(-len(rounds) // 20)


def _choose(calls: Sequence[dict[str, Any]] | Sequence[Any], key: str) -> dict[str, Any]:
    """Draw the choice of a call where there are several, and what came of it; return the call."""
    at = 0
    if 1 < len(calls) <= FEW:
        chosen = st.selectbox(
            "Call",
            range(len(calls)),
            format_func=lambda at: f"Call {at + 1} of {len(calls)}: {_about_call(calls[at])}",
            key=f"{key}-call",
            label_visibility="collapsed",
        )
        at = int(chosen or 0)
    elif len(calls) > FEW:
        event = st.dataframe(
            [
                {
                    "call": number,
                    "round": call["round"],
                    "about": _about_call(call),
                    "answer": " > ".join(f"[{each}]" for each in call["permutation"][:5]),
                    "status": call["status"],
                }
                for number, call in enumerate(calls, start=1)
            ],
            hide_index=True,
            height=176,
            alt="Calls",
            on_select="rerun",
            selection_mode="single-row",
            key=f"{key}-calls",
        )
        at = next(iter(event.selection.rows), 0)
    call: dict[str, Any] = calls[at]
    color = "green" if call["status"] == "ok" else "orange"
    st.markdown(
        f":{color}-badge[{plain(call['status'])}] "
        f":gray[round {call['round']}, {many(call['prompt_tokens'] or 0, 'prompt token')}, "
        f"{many(call['completion_tokens'] or 0, 'answer token')}, {call['seconds'] or 0:.1f} s]"
    )
    return call


def _about_call(call: dict[str, Any]) -> str:
    """Say in a few words what a call was about."""
    shown = len(call["docids"])
    if call["start"] is not None:
        return f"places {call['start'] + 1} to {call['start'] + shown}"
    return f"{call['kind']} of {shown}"


def _call_panes(
    benchmark: Benchmark, qid: str, call: dict[str, Any], *, side_by_side: bool = False
) -> list[Pane]:
    """Return the chain and the passages as the answer orders them, with the model's numbers."""
    numbers = {docid: number for number, docid in enumerate(call["docids"], start=1)}
    order = [call["docids"][number - 1] for number in call["permutation"]]
    cards = _cards(benchmark, qid, order, numbers, came_from=numbers)
    if call["scores"] and len(call["scores"]) != len(order):  # of the options, not of passages
        title = "What it was asked about"
    else:
        title = "As the model ordered them"
    return [
        _chain(call, share=2),
        cards_pane(title, cards, share=3, compact=not side_by_side),
    ]


def _round_panes(benchmark: Benchmark, qid: str, now: Round, call: dict[str, Any]) -> list[Pane]:
    """Return the chain, and the list before and after; the window stands out in both."""
    assert now.window is not None
    start, end = now.window
    # The model saw no others; these only tell the cards apart.
    numbers = {docid: number for number, docid in enumerate(call["docids"], start=1)}
    for docid in now.before:
        numbers.setdefault(docid, len(numbers) + 1)
    inside = set(now.before[start:end])
    places = {docid: place for place, docid in enumerate(now.before, start=1)}
    return [
        _chain(call, share=1.1),
        cards_pane(
            "Before",
            _cards(benchmark, qid, now.before, numbers, inside=inside),
            note="the window is marked",
            compact=True,
        ),
        cards_pane(
            "After",
            _cards(benchmark, qid, now.after, numbers, inside=inside, came_from=places),
            compact=True,
        ),
    ]


def _chain(call: dict[str, Any], *, share: float) -> Pane:
    response = str(call["response"] or "")
    n = len(call["docids"])
    chain = parse_response(response, n).chain
    if chain:
        return chain_pane("Chain", chain, n, note="click a mention", share=share)
    if response:
        return chain_pane("Whole response: it has no chain", response, n, share=share)
    return blank_pane("Response", "The model answered nothing.", share=share)


def _list_pane(title: str, benchmark: Benchmark, qid: str, order: Sequence[str]) -> Pane:
    numbers = {docid: number for number, docid in enumerate(order, start=1)}
    return cards_pane(title, _cards(benchmark, qid, order, numbers), compact=True)


def _cards(
    benchmark: Benchmark,
    qid: str,
    order: Sequence[str],
    numbers: dict[str, int],
    *,
    inside: set[str] | None = None,
    came_from: dict[str, int] | None = None,
) -> list[Card]:
    """Return the passages of an order.

    Args:
        numbers: Each passage's number on its card.
        inside: The window's passages; all others are dim.
        came_from: Places before, 1-based, to say how far each came.
    """
    labels = benchmark.qrels.get(qid, {})
    cards = []
    for place, passage in enumerate(benchmark.passages(order), start=1):
        dim = inside is not None and passage.docid not in inside
        tag = moved(came_from[passage.docid], place) if came_from and not dim else None
        cards.append(
            Card(
                numbers[passage.docid],
                passage.docid,
                passage.text,
                passage.title,
                labels.get(passage.docid, 0) > 0,
                () if tag is None else (tag,),
                dim,
            )
        )
    return cards
