"""From a draft to a source of the workspace: cleaned with the models that it takes, and kept."""

import shutil
from functools import partial

from curation.people import require
from curation.source_drafts import Cleaned, Cleaning, Draft, Progress, clean
from curation.source_folder import SourceManifest, write_source
from curation.splitting import Tokens, words
from db import sources
from db.errors import StoreError
from db.store import Store
from trainer import similar
from trainer.models import load_tokenizer
from trainer.texts import token_spans


def clean_draft(
    draft: Draft, cleaning: Cleaning, *, on_progress: Progress = lambda *_: None
) -> Cleaned:
    """Clean a draft; duplicates by meaning are found with the workspace's sentence encoder.

    Raises:
        SourceError: The draft cannot be cleaned as asked.
        ModelError: There is no such tokenizer.
    """
    tokens: Tokens = words
    if cleaning.length is not None and cleaning.tokenizer is not None:
        tokens = partial(token_spans, load_tokenizer(cleaning.tokenizer))
    return clean(draft, cleaning, tokens=tokens, encode=similar.encode, on_progress=on_progress)


def keep_source(
    store: Store, name: str, cleaned: Cleaned, *, added_by: str
) -> tuple[SourceManifest, bool]:
    """Add a source to the workspace and return whether its content is new there.

    Raises:
        RefusedError: `added_by` is neither reviewer nor trainer.
        SourceError: It is empty, or its parts do not fit together.
        StoreError: Another source has the name, or the content has another; nothing is kept.
    """
    added_by = require(store, added_by, "reviewer", "trainer")
    root = store.workspace.sources
    made = write_source(
        root, name, cleaned.kind, cleaned.queries, cleaned.passages, cleaned.duplicates
    )
    try:
        new = sources.insert_source(
            store,
            source_id=made.source_id,
            name=name,
            kind=made.kind,
            n_queries=made.n_queries,
            n_passages=made.n_passages,
            domains=made.domains,
            report=cleaned.report.model_dump(mode="json"),
            added_by=added_by,
        )
    except StoreError:
        if made.source_id not in {row["source_id"] for row in sources.list_sources(store)}:
            shutil.rmtree(root / made.source_id)
        raise
    return made, new
