"""The loop at a glance: how far each step is, and which one is next."""

from dataclasses import dataclass

import streamlit as st

from app.widgets.page import link
from app.widgets.text import many
from db import batches, benchmarks, checkpoints, evaluations, items, jobs
from db.store import Store


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loop: `done` is whether there is something to build the next step on."""

    title: str
    value: str
    text: str
    page: str
    action: str
    icon: str
    done: bool


def steps(store: Store) -> list[Step]:
    """Return the five steps with what the workspace holds of each."""
    counts = items.counts(store)
    frozen = batches.list_snapshots(store)
    waiting = batches.list_batches(store).height - frozen.height
    trained = [row for row in checkpoints.list_checkpoints(store) if row["kind"] != "base"]
    tests = {row["benchmark_id"] for row in benchmarks.list_tests(store)}
    measured = [
        row
        for row in evaluations.list_evaluations(store)
        if row["checkpoint_id"] and row["benchmark_id"] in tests
    ]
    n_benchmarks = len(tests)
    share = counts["judged"] / counts["items"] if counts["items"] else 0
    return [
        Step(
            "Inspect",
            f"{counts['items']:,}",
            f"{many(counts['items'], 'item').split(' ')[1]} with "
            f"{many(counts['passages'], 'passage')}",
            "consistency",
            "Consistency",
            "query_stats",
            counts["items"] > 0,
        ),
        Step(
            "Review",
            f"{counts['judged']:,}",
            f"judged, {share:.0%} of the items",
            "review",
            "Review items",
            "rate_review",
            counts["judged"] > 0,
        ),
        Step(
            "Approve",
            str(frozen.height),
            f"approved; {many(waiting, 'batch', 'batches')} waiting",
            "batches",
            "Make a batch",
            "inventory_2",
            not frozen.is_empty(),
        ),
        Step(
            "Train",
            str(len(trained)),
            f"models from {many(len(jobs.list_jobs(store)), 'job')}",
            "new_job",
            "New job",
            "play_circle",
            bool(trained),
        ),
        Step(
            "Evaluate",
            str(len(measured)),
            f"on {many(n_benchmarks, 'benchmark')}",
            "evaluations" if n_benchmarks else "benchmarks",
            "Evaluations" if n_benchmarks else "Add a benchmark",
            "leaderboard",
            bool(measured),
        ),
    ]


def draw_loop(found: list[Step]) -> None:
    """Draw a card for each step; the first that is not done is marked as next."""
    following = next((step for step in found if not step.done), None)
    with st.grid(5, min_column_width=150, gap="small", border=True) as grid:
        for step in found:
            with grid.cell(), st.container(gap="xsmall"):
                if step is following:
                    badge = ":orange-badge[next]"
                else:
                    badge = ":green-badge[:material/check:]" if step.done else ""
                st.markdown(f"**{step.title}** {badge}")
                st.markdown(f"## {step.value}")
                st.caption(step.text)
                link(step.page, step.action, step.icon)
