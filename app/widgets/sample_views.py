"""One item's samples: their orders as lines and numbers, their chains word by word."""

import polars as pl
import streamlit as st

from app.widgets.bump import bump
from app.widgets.pick import pick
from app.widgets.reader import Card, Tag, cards_pane, chain_pane, diff_pane, reader
from app.widgets.text import plain, points
from curation.agreement import DEFAULT_CUT
from curation.chain_checks import CHECKS
from curation.chains import renumbered
from curation.samples import Given, ItemSamples
from curation.word_diff import word_diff

CHROME = 260  # pixels around the reader: it is seen after scrolling past the orders
BESIDE = 3  # chains in a row


def facts(shown: ItemSamples) -> str:
    """Return one line on what the samples say about each other."""
    item, first = shown.item, shown.given[0]
    line = (
        f":blue-badge[{plain(item.domain)}] {plain(item.qid)} · {plain(first.author_name)}"
        f" · {plain(first.prompt)}"
    )
    if (said := shown.said) is not None and said.tau is not None and said.overlap is not None:
        badge = "green-badge[▲" if said.tau >= DEFAULT_CUT else "orange-badge[▼"
        line += (
            f" :{badge} τ {said.tau:.2f}] overlap of the first 10 **{said.overlap:.0%}**"
            f" · **{said.spread:.1f}** places apart on average"
        )
        if said.follows is not None:
            line += f" · follows the order shown by **{said.follows:+.2f}**"
    for name, (tau, overlap) in shown.others.items():
        line += f" · with {plain(name)} τ **{tau:.2f}**, overlap **{overlap:.0%}**"
    return line


def orders(shown: ItemSamples) -> None:
    """Draw every sample's order, and the consensus, as lines from one to the next."""
    given = [sample for sample in shown.given if sample.ordered]
    if not given:
        st.caption("None of the answers holds an order.")
        return
    drawn = [list(sample.docids) for sample in given]
    names = [sample.name for sample in given]
    if shown.said is not None:
        drawn.append(list(shown.said.consensus))
        names.append("consensus")
    texts = {passage.docid: passage.text[:120] for passage in shown.item.candidates}
    st.altair_chart(
        bump(drawn, names, texts, shown.item.relevant_docids),
        alt="Every sample's order, a line for each passage",
    )


def passage_table(shown: ItemSamples) -> None:
    """Draw where each sample puts each passage, in the order of the consensus."""
    item = shown.item
    order = shown.said.consensus if shown.said else shown.given[0].docids
    texts = {passage.docid: passage for passage in item.candidates}
    numbers = {passage.docid: at for at, passage in enumerate(item.candidates, start=1)}
    given = [sample for sample in shown.given if sample.ordered]
    columns: dict[str, list[object]] = {
        "place": list(range(1, len(order) + 1)),
        "label": ["★" if docid in item.relevant_docids else "" for docid in order],
        "number": [f"[{numbers[docid]}]" for docid in order],
        "passage": [texts[docid].title or texts[docid].text[:200] for docid in order],
    }
    for at, sample in enumerate(given):
        columns[f"sample{at}"] = [sample.docids.index(docid) + 1 for docid in order]
    if shown.said is not None:
        columns["apart"] = list(shown.said.dispersion)
    columns["docid"] = list(order)
    number = st.column_config.NumberColumn
    st.dataframe(
        pl.DataFrame(columns),
        hide_index=True,
        height=min(38 + 35 * len(order), 460),
        alt="Passages in the order of the consensus, with each sample's place",
        column_config={
            "place": number("", width=35, help="Place in the consensus"),
            "label": st.column_config.TextColumn("★", width=30, help="Relevant by the labels"),
            **{f"sample{at}": number(sample.name, width=80) for at, sample in enumerate(given)},
            "apart": st.column_config.ProgressColumn(
                "Apart",
                help="How many places apart two samples put it, on average.",
                format="%.1f",
                min_value=0,
                max_value=max(1, len(order) - 1),
                width=110,
            ),
            "number": st.column_config.TextColumn("No.", width=48),
            "passage": st.column_config.TextColumn("Passage", width=170),
            "docid": "docid",
        },
    )


def chains(shown: ItemSamples) -> None:
    """Draw two chains with their differences, or all of them; the choice is in the URL."""
    if len(shown.given) < 2:
        _all(shown)
        return
    left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
    with left:
        view = pick(
            "Chains",
            {"two": "Two, word by word", "all": "All side by side"},
            key="chains",
            segments=True,
        )
    if view == "all":
        _all(shown)
        return
    names = {str(at): sample.name for at, sample in enumerate(shown.given)}
    with middle:
        a = shown.given[int(pick("Left", names, key="left", default="0"))]
    with right:
        b = shown.given[int(pick("Right", names, key="right", default="1"))]
    _two(shown, a, b)


def _two(shown: ItemSamples, a: Given, b: Given) -> None:
    n = len(shown.item.candidates)
    spans = word_diff(renumbered(a.chain, a.numbers), renumbered(b.chain, b.numbers))
    panes = [
        diff_pane(_title(sample), own, n, note=_note(sample), share=2)
        for sample, own in zip((a, b), spans, strict=True)
    ]
    reader(
        [*panes, cards_pane("Passages by consensus", _cards(shown, (a, b)), share=2, compact=True)],
        token=f"{shown.item.item_id} {a.name} {b.name}",
        key="sample-chains",
        chrome=CHROME,
    )


def _all(shown: ItemSamples) -> None:
    n = len(shown.item.candidates)
    for start in range(0, len(shown.given), BESIDE):
        row = shown.given[start : start + BESIDE]
        reader(
            [
                chain_pane(_title(each), renumbered(each.chain, each.numbers), n, note=_note(each))
                for each in row
            ],
            token=f"{shown.item.item_id} all {start}",
            key=f"sample-chains-{start}",
            chrome=CHROME,
        )


def _title(sample: Given) -> str:
    return sample.name if sample.status == "ok" else f"{sample.name} ({sample.status})"


def _note(sample: Given) -> str:
    found = [CHECKS[check].lower() for check in sample.failed if check in CHECKS]
    return " · ".join([f"nDCG@10 {points(sample.ndcg)}", *found])


def _cards(shown: ItemSamples, pair: tuple[Given, Given]) -> list[Card]:
    item = shown.item
    passages = {passage.docid: (at, passage) for at, passage in enumerate(item.candidates, start=1)}
    order = shown.said.consensus if shown.said else pair[0].docids
    cards = []
    for docid in order:
        number, passage = passages[docid]
        tags = tuple(
            Tag(f"{each.name}: {each.docids.index(docid) + 1}") for each in pair if each.ordered
        )
        cards.append(
            Card(
                number,
                docid,
                passage.text,
                passage.title,
                docid in item.relevant_docids,
                tags,
            )
        )
    return cards
