"""The form of what is kept of a new source: lengths, languages, duplicates."""

import streamlit as st

from curation.duplicates import LEVELS, NEAR, SEMANTIC
from curation.languages import known_languages
from curation.source_drafts import Cleaning, cleaning_of, parse_range
from curation.stackexchange import LENGTH

_LEVELS = {"none": "None", "exact": "Exact", "near": "+ near", "semantic": "+ by meaning"}


def cleaning_form(form: str) -> Cleaning:
    """Draw the choices and return them.

    Raises:
        SourceError: They do not fit together.
    """
    with st.grid(4, min_column_width=180, gap="small"):
        length = st.number_input(
            "Split passages at",
            min_value=0,
            value=LENGTH if form == "stackexchange" else 0,
            key=f"source-length-{form}",
            help="Most words of a passage, or tokens of the tokenizer; 0 leaves passages whole. "
            "They end before headings, at blank lines or sentences where that can be. Labelled "
            "passages cannot be split.",
        )
        overlap = st.number_input(
            "Overlap", min_value=0, value=0, key="source-overlap", help="Words that two parts share"
        )
        tokenizer = st.text_input(
            "Tokenizer",
            placeholder="words are counted",
            key="source-tokenizer",
            help="A model's folder or hub name, to count its tokens instead of words",
        )
        sample = st.number_input(
            "Most queries",
            min_value=0,
            value=0,
            key="source-sample",
            help="Drawn by chance; 0: all",
        )
        query_words = st.text_input(
            "Words of a query", placeholder="5:400", key="source-query-words", help="LEAST:MOST"
        )
        passage_words = st.text_input(
            "Words of a passage",
            placeholder="10:",
            key="source-passage-words",
            help="LEAST:MOST, after splitting",
        )
        languages = st.multiselect(
            "Languages",
            known_languages(),
            key="source-languages",
            placeholder="any",
            help="What is surely in another one goes; code and formulas stay",
        )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        level = st.segmented_control(
            "Duplicates that go",
            LEVELS,
            default="exact",
            required=True,
            format_func=_LEVELS.__getitem__,
            key="source-duplicates",
            help="The first stays; links and labels follow to it",
        )
        near, semantic = NEAR, SEMANTIC
        if level in ("near", "semantic"):
            near = st.number_input(
                "Near from",
                min_value=0.3,
                max_value=1.0,
                value=NEAR,
                step=0.05,
                key="source-near",
                width=130,
                help="Jaccard similarity of their runs of three words",
            )
        if level == "semantic":
            semantic = st.number_input(
                "Meaning from",
                min_value=0.5,
                max_value=1.0,
                value=SEMANTIC,
                step=0.01,
                key="source-semantic",
                width=130,
                help="Cosine by the sentence encoder",
            )
    return cleaning_of(
        length=length or None,
        overlap=overlap,
        tokenizer=(tokenizer or "").strip() or None,
        query_words=parse_range(query_words or ":"),
        passage_words=parse_range(passage_words or ":"),
        languages=tuple(languages),
        duplicates=level,
        near=near,
        semantic=semantic,
        sample=sample or None,
    )
