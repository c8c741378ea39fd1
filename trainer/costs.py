"""What evaluations cost in money, by the workspace's price table."""

from pathlib import Path
from typing import Any

from curation.prices import read_prices
from db import checkpoints, evaluations
from db.store import Store


def models_of(store: Store, evaluation: dict[str, Any]) -> dict[str, str]:
    """Return the names that an evaluation's models have in the price table, by `main`, `small`.

    A checkpoint of the workspace goes by its name, any other model by what served it calls it.
    """
    names = {row["path"]: row["name"] for row in checkpoints.list_checkpoints(store)}
    return {
        model: names.get(info["model"]) or _short(info["model"])
        for model, info in engines_of(evaluation).items()
    }


def engines_of(evaluation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what an evaluation's engines say of themselves, by `main` and `small`.

    Evaluations from before there were two keep the one as `engine`; a first stage has none.
    """
    summary = evaluation["summary"]
    found = summary.get("engines") or {"main": summary.get("engine")}
    return {model: info for model, info in found.items() if info}


def price_per_query(store: Store, rows: list[dict[str, Any]]) -> dict[str, float | None]:
    """Return what a query costs on average, in US dollars, by evaluation.

    Args:
        rows: Evaluations as `db.evaluations` returns them.

    Returns:
        None where a model has no price; 0 for a first stage, which asks none.

    Raises:
        FormatError: The price table is malformed.
    """
    prices = read_prices(store.workspace.prices)
    models = {row["evaluation_id"]: models_of(store, row) for row in rows}
    found: dict[str, float | None] = dict.fromkeys(models, 0.0)
    for used in evaluations.tokens_by_model(store, list(models)):
        evaluation_id = used["evaluation_id"]
        price = prices.get(models[evaluation_id].get(used["model"], ""))
        so_far = found[evaluation_id]
        found[evaluation_id] = (
            None
            if price is None or so_far is None
            else so_far + price.of(used["prompt_tokens"], used["completion_tokens"])
        )
    return found


def _short(model: str) -> str:
    return Path(model).name if Path(model).is_absolute() else model
