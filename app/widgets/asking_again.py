"""An item asked again from a teacher, with a reviewer's hint, and what came of earlier hints."""

import streamlit as st

from app.store import user
from app.widgets.page import mendable
from app.widgets.playing import Model, choose_model, load, over, results, templates, watch
from app.widgets.reader import chain_pane, reader
from app.widgets.text import brief, key_of, plain, points
from app.widgets.window_form import Window
from curation import hints
from curation.people import require
from curation.prompts import load_template, version
from curation.samples import NO_ORDER
from curation.training_items import full_text
from db.hints import hinted_of
from db.records import Item
from db.store import Store
from trainer.playground import MOST, Asking, Playing

ASKED = "asked-again"  # session key of the item, the hint, how it is asked, and the answer to come
CHROME = 300


def ask_again(store: Store, item: Item) -> None:
    """Draw the form, the answer while it comes, and the answers that were kept."""
    asked_for, *asked = st.session_state.get(ASKED, (None,))
    mine = asked_for == item.item_id
    earlier = hinted_of(store, item.item_id)
    title = "Ask the teacher again, with a hint"
    with st.expander(title, icon=":material/lightbulb:", expanded=mine or bool(earlier)):
        if len(item.candidates) > MOST:
            st.caption(f"More than {MOST} passages cannot be asked about at once.")
            return
        if mine:
            _answer(store, item, *asked)
        else:
            _form(store, item)
        for row in earlier:
            st.markdown(
                f":violet-badge[with a hint] **{plain(row['author_name'])}** · nDCG@10 "
                f"**{points(row['ndcg'])}** · {plain(row['status'])} · asked by "
                f"{plain(row['asked_by'])}, {row['asked_at']:%Y-%m-%d %H:%M}"
            )
            st.text(f"Hint: {row['hint']}")
            reader(
                [chain_pane("Chain", row["chain"], len(item.candidates), share=1)],
                token=key_of(row["ranking_id"]),
                key=f"hinted-{row['ranking_id']}",
                chrome=CHROME,
            )


def _form(store: Store, item: Item) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        model = choose_model(store, "Who is asked", "hint", optional=False)
    with right:
        hint = st.text_area(
            "Hint",
            key=f"hint-{key_of(item.item_id)}",
            max_chars=hints.LONGEST_HINT,
            placeholder="Which passage gives the formula, and which only uses its words?",
            help="It is told to the teacher after the question, and kept with the answer.",
        )
        known = templates()
        own = (model.template if model else None) or "listwise"
        template = st.selectbox("Prompt", known, index=known.index(own) if own in known else 0)
    st.caption(
        "The answer is no sample: neither agreement nor consistency counts it. In Review a fix can "
        "begin as it, and takes its chain; what is trained on then says that a hint was given."
    )
    if st.button(
        "Ask again",
        key="ask-again",
        icon=":material/play_arrow:",
        type="primary",
        disabled=model is None or not (hint or "").strip(),
    ):
        with mendable():
            _ask(store, item, model, str(hint).strip(), str(template))


def _ask(store: Store, item: Item, model: Model | None, hint: str, template: str) -> None:
    require(store, user(), "reviewer")
    if model is None:
        return
    asking = Asking(
        template,
        reasoning=True,
        max_new_tokens=model.max_new_tokens,
        max_passage_tokens=model.max_passage_tokens,
        hint=hint,
    )
    source = load(model.path) if model.path else model.served
    assert source is not None
    texts = [full_text(passage) for passage in item.candidates]
    playing = Playing(source, item.query, texts, asking)
    st.session_state[ASKED] = (item.item_id, model, asking, playing)
    st.rerun()


def _answer(store: Store, item: Item, model: Model, asking: Asking, playing: Playing) -> None:
    st.text(f"Hint: {brief(asking.hint, 200)}")
    if not playing.done.is_set():
        watch([(model, playing)])
        return
    (played,) = over([(model, playing)])
    relevant = {docid: 1 for docid in item.relevant_docids}
    results(Window(item.query, item.candidates, relevant), [played])
    ranked = played.ranked
    with st.container(horizontal=True):
        if st.button(
            "Keep it",
            key="keep-hinted",
            type="primary",
            icon=":material/check:",
            disabled=ranked is None or ranked.status in NO_ORDER,
        ):
            assert ranked is not None
            with mendable():
                hints.keep_hinted(
                    store,
                    item_id=item.item_id,
                    model=model.name,
                    prompt=version(asking.template, load_template(asking.template)),
                    hint=asking.hint,
                    response=ranked.answer.text,
                    permutation=ranked.permutation,
                    status=ranked.status,
                    tokens=(ranked.answer.prompt_tokens, ranked.answer.completion_tokens),
                    asked_by=user(),
                )
                del st.session_state[ASKED]
                st.rerun()
        if st.button("Leave it", key="leave-hinted"):
            del st.session_state[ASKED]
            st.rerun()
