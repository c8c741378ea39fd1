"""The form that starts a generate job: source, teacher, stages, limits, and what it will cost."""

from typing import Any

import streamlit as st
import yaml

from app.widgets.page import mendable
from app.widgets.preview import preview
from app.widgets.prices import price_editor
from app.widgets.settings_form import settings_form
from app.widgets.text import dollars, many, plain
from db import jobs
from db.store import Store
from trainer import teaching_desk
from trainer.desk import PreparedJob
from trainer.engines.opening import Served, Vllm, model_name
from trainer.errors import EngineError
from trainer.estimating import estimate
from trainer.jobs import GenerateSpec
from trainer.synthesis_settings import SynthesisSettings

_BY = {
    "openai": "endpoints",
    "vllm": "a vLLM server, started for the job",
    "ray": "vLLM servers on a Ray cluster",
}
COMMON = ("samples", "orders", "until", "limit", "temperature", "max_new_tokens")


def generate_form(store: Store, sources: list[dict[str, Any]], like: str | None) -> None:
    """Draw the form and what it would start.

    Args:
        sources: At least one, as `db.sources` returns them.
        like: A job whose values the form starts with.
    """
    left, right = st.columns([2, 3], gap="medium")
    prepared: PreparedJob | None = None
    with left, mendable():
        prepared = _prepared(store, sources, _earlier(store, like))
    with right:
        if prepared is None:
            st.caption("Name the teacher and where it answers; then this shows what would run.")
        else:
            with mendable():
                _estimate(store, prepared)
            preview(store, prepared)


def _earlier(store: Store, like: str | None) -> dict[str, Any]:
    """Return the values of the job named, else of the newest one."""
    made = [job for job in jobs.list_jobs(store) if job["kind"] == "generate"]
    chosen = next((job for job in made if job["job_id"] == like), made[0] if made else None)
    return {} if chosen is None else dict(yaml.safe_load(chosen["config"])["spec"])


def _prepared(
    store: Store, sources: list[dict[str, Any]], earlier: dict[str, Any]
) -> PreparedJob | None:
    names = {row["source_id"]: row["name"] for row in sources}
    ids = list(names)
    was = st.query_params.get("source") or str(earlier.get("source", "")).rpartition("/")[2]
    source = st.selectbox(
        "Source",
        ids,
        index=ids.index(was) if was in names else 0,
        format_func=names.__getitem__,
        key="generate-source",
    )
    row = next(each for each in sources if each["source_id"] == source)
    domains = ", ".join(f"{plain(name)} {n:,}" for name, n in row["domains"].items())
    st.caption(
        f"{many(row['n_queries'], 'query', 'queries')} ({domains}), "
        f"{many(row['n_passages'], 'passage')}"
    )
    teacher = _teacher("Teacher", "teacher", earlier.get("engine") or {})
    judge = None
    if st.toggle(
        "A second teacher ranks the same lists",
        value=bool(earlier.get("judge")),
        key="generate-judge",
        help="Where two teachers disagree, a person should look",
    ):
        judge = _teacher("Second teacher", "judge", earlier.get("judge") or {})
    own = SynthesisSettings.model_validate(earlier.get("settings") or {})
    own = own.model_copy(update={"limits": SynthesisSettings().limits})
    overrides = settings_form(own, COMMON, f"generate-{was}", "depth=20\nattempts=2")
    changed = own.model_dump(mode="json", exclude_defaults=True)
    kept = [f"{key}={yaml.safe_dump(value).strip()}" for key, value in changed.items()]
    budget = st.text_input(
        "Budget, US dollars",
        key="generate-budget",
        placeholder="none",
        help="The job stops before it spends more; needs a price for each teacher",
    )
    overrides += [f"limits.budget={budget.strip()}"] if (budget or "").strip() else []
    if teacher is None:
        return None
    price_editor(store, {model_name(each) for each in (teacher, judge) if each is not None})
    return teaching_desk.prepare_generation(
        store, source=source, engine=teacher, judge=judge, overrides=[*kept, *overrides]
    )


def _teacher(title: str, key: str, was: dict[str, Any]) -> Served | Vllm | None:
    """Draw the choice of a model and of what answers for it; None until it is named."""
    left, right = st.columns(2, gap="small")
    model = left.text_input(
        title,
        value=was.get("model", ""),
        key=f"{key}-model",
        placeholder="deepseek-reasoner",
        help="As its endpoint calls it; for a vLLM server, the model's folder or hub name",
    )
    variable = right.text_input(
        "Key in the variable",
        value=was.get("key_variable", "OPENAI_API_KEY"),
        key=f"{key}-key",
        help="The name of the environment variable that holds the key, never the key itself",
    )
    answers_by = st.selectbox(
        "Answers by",
        list(_BY),
        index=list(_BY).index(_kind(was)),
        format_func=_BY.__getitem__,
        key=f"{key}-by",
    )
    if answers_by != "openai":
        return _started(model, key, was, cluster=answers_by == "ray")
    left, right = st.columns([3, 1], gap="small")
    urls = left.text_input(
        "Base URLs",
        value=" ".join(was.get("base_urls", [])),
        key=f"{key}-urls",
        placeholder="https://api.deepseek.com/v1",
        help="Several, with spaces between, serve the same model; `rankdesk teacher serve` starts "
        "the simulated one",
    )
    in_flight = right.number_input(
        "In flight", 1, 1000, was.get("in_flight", 32), key=f"{key}-in-flight"
    )
    tokenizer = st.text_input(
        "Tokenizer",
        value=was.get("tokenizer") or "",
        key=f"{key}-tokenizer",
        placeholder="none: tokens are guessed",
        help="Its folder or hub name: tokens are then counted for estimate, budget and limits",
    )
    batch = st.checkbox(
        "By its batch API",
        value=bool(was.get("batch")),
        key=f"{key}-batch",
        help="Cheaper where the endpoint offers it; answers come within a day",
    )
    if not (model and urls):
        return None
    if batch and len(urls.split()) > 1:
        raise EngineError("Batches go to one endpoint: name one base URL.")
    return Served(
        model=model.strip(),
        base_urls=tuple(urls.split()),
        key_variable=(variable or "").strip() or "OPENAI_API_KEY",
        in_flight=in_flight,
        batch=batch,
        tokenizer=(tokenizer or "").strip() or None,
    )


def _kind(was: dict[str, Any]) -> str:
    if was.get("kind") != "vllm":
        return "openai"
    return "ray" if was.get("cluster") else "vllm"


def _started(model: str | None, key: str, was: dict[str, Any], *, cluster: bool) -> Vllm | None:
    """Draw what a vLLM server of the job's own needs; None until the model is named."""
    address, workers = None, 1
    if cluster:
        left, right = st.columns([3, 1], gap="small")
        address = left.text_input(
            "Ray cluster",
            value=was.get("cluster") or "auto",
            key=f"{key}-cluster",
            help="Its address; `auto` for the one this machine belongs to, `local` for this "
            "machine alone. Every node finds the model at the same path",
        )
        workers = right.number_input(
            "Workers", 1, 1000, was.get("workers", 1), key=f"{key}-workers"
        )
    if not model:
        return None
    return Vllm(model=model.strip(), cluster=address or None, workers=workers)


def _estimate(store: Store, prepared: PreparedJob) -> None:
    """Draw what the job is expected to take; it counts the prompts of a sample."""
    spec = prepared.spec
    assert isinstance(spec, GenerateSpec)
    with st.container(border=True), st.spinner("Counting the prompts of a sample …"):
        found = estimate(store, spec)
        cells = st.columns(4, gap="small")
        cells[0].metric("Queries", f"{found.queries:,}")
        cells[1].metric("Requests, at most", f"{sum(found.requests.values()):,}")
        tokens = found.prompt_tokens + found.completion_tokens
        cells[2].metric("Tokens", f"{tokens / 1e6:,.2f} M")
        cells[3].metric("Price", "unknown" if found.price is None else dollars(found.price))
        source = (
            f"generated tokens by {many(found.from_answers, 'earlier answer')} of this teacher"
            if found.from_answers
            else "generated tokens as many as each answer may have: set the limit to 10 and start, "
            "and the estimate goes by real answers, which are not paid for again"
        )
        st.caption(f"From the prompts of a sample; {source}.")
        if found.unpriced:
            st.caption(f"No price for {plain(', '.join(found.unpriced))}: give it under Prices.")
