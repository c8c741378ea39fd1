"""Small changes that people make to the workspace: each looks at who may, and leaves a record.

Prices, prompts, suites, pinned baselines, and what a person decides about a quarantined pair.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from curation.errors import CurationError
from curation.people import require
from curation.prices import Price, read_prices, write_prices
from curation.prompts import Template
from db import benchmarks, quarantine, saved_views, suites
from db.actions import append_action
from db.store import Store

SHIPPED_PROMPTS = ("teacher-select", "teacher-negatives", "listwise")
_PROMPT_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


def set_prices(store: Store, prices: Mapping[str, Price], *, set_by: str) -> None:
    """Replace the workspace's table of prices; each model's change is recorded.

    Raises:
        RefusedError: If `set_by` is no trainer.
        FormatError: If the table that is there is malformed.
    """
    set_by = require(store, set_by, "trainer")
    before = read_prices(store.workspace.prices)
    write_prices(store.workspace.prices, prices)
    for model in sorted(before.keys() | prices.keys()):
        was, is_now = (_price(table.get(model)) for table in (before, prices))
        if was != is_now:
            append_action(store, "prices", model, before=was, after=is_now, done_by=set_by)


def _price(price: Price | None) -> str:
    return "" if price is None else f"${price.prompt:g} and ${price.completion:g} per M tokens"


def save_view(store: Store, name: str, fields: Mapping[str, Any] | None, *, saved_by: str) -> None:
    """Keep a view of the table under a name that everybody sees, or drop it with None.

    Raises:
        RefusedError: If `saved_by` is neither annotator nor reviewer.
    """
    saved_by = require(store, saved_by, "annotator", "reviewer")
    saved_views.save_view(store, name, None if fields is None else dict(fields), saved_by)


def save_prompt(store: Store, name: str, text: str, *, saved_by: str) -> None:
    """Keep a template under a name of its own.

    Raises:
        RefusedError: If `saved_by` is no trainer.
        CurationError: If the name is taken or cannot be one, or the text is no template.
    """
    saved_by = require(store, saved_by, "trainer")
    if not _PROMPT_NAME.fullmatch(name) or name in SHIPPED_PROMPTS:
        raise CurationError(
            f"{name!r} cannot be a prompt's name: take small letters, digits and hyphens, and none "
            "of the shipped names."
        )
    path = store.workspace.templates / f"{name}.yaml"
    if path.exists():
        raise CurationError(f"There is a prompt {name} already: versions stay as they are.")
    try:
        Template.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise CurationError(f"This is no template: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
    append_action(store, "prompt", name, after=f"{len(text)} characters", done_by=saved_by)


def set_suite(store: Store, name: str, wanted: list[str], *, made_by: str) -> dict[str, Any]:
    """Make a suite of benchmarks (ids or names), or change the one of that name; return it.

    Raises:
        RefusedError: If `made_by` is no trainer.
        StoreError: If the name is blank or a benchmark's own, or no benchmark is named.
        NotFoundError: If there is no such benchmark.
    """
    made_by = require(store, made_by, "trainer")
    return suites.set_suite(store, name, wanted, made_by=made_by)


def pin_baseline(store: Store, benchmark_id: str, evaluation_id: str, *, pinned_by: str) -> None:
    """Compare a benchmark's evaluations with this one from now on.

    Raises:
        RefusedError: If `pinned_by` is neither reviewer nor trainer.
    """
    pinned_by = require(store, pinned_by, "reviewer", "trainer")
    benchmarks.pin_baseline(store, benchmark_id, evaluation_id, pinned_by=pinned_by)


def hold_item(
    store: Store, item_id: str, benchmark_id: str, qid: str, *, reason: str, decided_by: str
) -> None:
    """Keep an item out of batches, because its query is this test query.

    Raises:
        RefusedError: If `decided_by` is no reviewer.
    """
    decided_by = require(store, decided_by, "reviewer")
    quarantine.quarantine(store, item_id, benchmark_id, qid, reason=reason, decided_by=decided_by)


def release_item(
    store: Store, item_id: str, benchmark_id: str, qid: str, *, reason: str, decided_by: str
) -> None:
    """Say that an item's query is not this test query; no scan overrules it.

    Raises:
        RefusedError: If `decided_by` is no reviewer.
        StoreError: If there is no reason.
    """
    decided_by = require(store, decided_by, "reviewer")
    quarantine.release(store, item_id, benchmark_id, qid, reason=reason, decided_by=decided_by)
