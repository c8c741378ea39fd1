"""One job: its state and controls, what it measures, what it writes."""

from typing import Any

import streamlit as st

from app.store import user
from app.widgets.charts import metric_lines
from app.widgets.generation import generation_view
from app.widgets.job_table import LIVE
from app.widgets.machine import gauges
from app.widgets.page import NOTICE, link
from app.widgets.rollouts import rollout_browser
from app.widgets.text import duration, many, plain, when
from db import jobs
from db.errors import RankDeskError
from db.store import Store
from trainer import desk, ingest
from trainer.jobs import RESUMABLE, JobState

_PROBLEM = "job_problem"  # why the button that was just pressed did nothing
_BADGES = {
    "queued": ("gray", "hourglass_empty"),
    "running": ("blue", "play_arrow"),
    "done": ("green", "check"),
    "stopped": ("orange", "stop"),
    "failed": ("red", "close"),
    "interrupted": ("red", "power_off"),
}
_CHARTS: list[tuple[str, dict[str, str]]] = [
    ("Loss", {"loss": "loss"}),
    ("Reward", {"reward": "reward"}),
    (
        "Reward parts",
        {
            "reward/ndcg": "nDCG@10",
            "reward/recall": "Recall@10",
            "reward/overlap": "overlap",
            "format/ok": "format ok",
        },
    ),
    ("KL to the start model", {"kl": "KL"}),
    (
        "Answer length, tokens",
        {
            "completions/mean_length": "mean",
            "completions/min_length": "shortest",
            "completions/max_length": "longest",
        },
    ),
    ("Groups without spread", {"frac_reward_zero_std": "share"}),
    ("Token accuracy", {"mean_token_accuracy": "accuracy"}),
    ("Throughput, tokens a second", {"tokens_per_s": "tokens/s"}),
    ("Memory, MiB", {"memory_mib": "resident", "gpu_memory_mib": "GPU"}),
    ("Learning rate", {"learning_rate": "learning rate"}),
]
_VIEWS = {"measures": "Measures", "log": "Log", "config": "Configuration", "rollouts": "Rollouts"}
_VIEWS["generated"] = "Generated"


def job_detail(store: Store, job: dict[str, Any]) -> None:
    """Draw a job, and keep it up to date while it is alive."""
    link("jobs", "All jobs", "arrow_back")
    st.title(plain(job["name"]), anchor=False)
    state = desk.job_state(store, job["job_id"])
    live = state.state in LIVE
    st.fragment(_head, run_every=1 if live else None)(store, job, live)
    views = [view for view in _VIEWS if view not in ("rollouts", "generated")]
    if job["kind"] == "grpo":
        views.append("rollouts")
    if job["kind"] in ("evaluate", "generate"):
        views.remove("measures")
    if job["kind"] == "generate":
        views.insert(0, "generated")
    view = st.segmented_control(
        "View",
        views,
        default=views[0],
        required=True,
        format_func=_VIEWS.__getitem__,
        key="job_view",
        label_visibility="collapsed",
    )
    if view == "measures":
        st.fragment(_measures, run_every=2 if live else None)(store, job)
    elif view == "generated":
        st.fragment(generation_view, run_every=2 if live else None)(store, job)
    elif view == "log":
        st.fragment(_logs, run_every=2 if live else None)(store, job)
    elif view == "config":
        st.code(job["config"], language="yaml", height=520)
    else:
        rollout_browser(store, job)


def _head(store: Store, job: dict[str, Any], was_live: bool) -> None:
    ingest.sync(store)
    state = desk.job_state(store, job["job_id"])
    if was_live != (state.state in LIVE):
        st.rerun()  # it ended or was resumed: draw the page anew, with or without the clockwork
    if notice := st.session_state.pop(NOTICE, ""):
        st.toast(plain(notice), icon=":material/check:")
    if problem := st.session_state.pop(_PROBLEM, ""):
        st.error(plain(problem), icon=":material/error:")
    color, icon = _BADGES[state.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(state.state, icon=f":material/{icon}:", color=color)  # type: ignore[arg-type]
        named = {"evaluate": "evaluation", "generate": "labels of a teacher"}
        facts = [named.get(job["kind"], job["kind"].upper())]
        facts += [job["recipe"]] if job["recipe"] else []
        facts += [f"started {when(job['created_at'])} by {job['created_by']}"]
        facts += [many(state.attempts, "attempt")] if state.attempts > 1 else []
        st.markdown(f":gray[{plain(' · '.join(facts))}]", width="stretch")
        _controls(store, job, state)
    _progress(state)
    if state.pid is not None and state.state == "running":
        gauges(state.pid)
    for event in jobs.job_events(store, job["job_id"], "warning")[-3:]:
        st.warning(plain(event["message"]), icon=":material/warning:")


def _progress(state: JobState) -> None:
    if state.step is not None and state.total:
        text = f"{state.step:,} of {many(state.total, state.unit or 'step')}"
        if state.eta_s is not None:
            text += f" · {duration(state.eta_s)} left"
        if state.so_far:
            done = many(int(state.so_far["queries"]), "query", "queries")
            values = [f"{name} {v:.3f}" for name, v in state.so_far.items() if name != "queries"]
            text += f" · {', '.join(values)} over {done}"
        st.progress(min(1.0, state.step / state.total), text=text)
    elif state.state == "queued":
        st.caption("It waits for its turn: one job runs at a time.")
    elif state.state == "running":
        st.progress(0.0, text="Loading the model …")
    if state.message:
        show = st.caption if state.state == "done" else st.warning
        show(plain(state.message))


def _controls(store: Store, job: dict[str, Any], state: JobState) -> None:
    job_id = job["job_id"]
    if state.pid is not None:
        st.button("Stop", icon=":material/stop:", on_click=_stop, args=(store, job_id, False))
        if job["kind"] not in ("evaluate", "generate"):
            st.button(
                "Stop and save",
                icon=":material/save:",
                help="After a checkpoint at the end of the present step.",
                on_click=_stop,
                args=(store, job_id, True),
            )
    elif state.state in RESUMABLE:
        st.button(
            "Resume",
            type="primary",
            icon=":material/resume:",
            help="What was answered is not asked again."
            if job["kind"] in ("evaluate", "generate")
            else "From the last whole checkpoint, with optimizer and sampler state.",
            on_click=_resume,
            args=(store, job_id),
        )
    if job["kind"] == "evaluate":
        if state.state == "done":
            link("queries", "Per query", "difference", evaluation=job_id)
    elif job["kind"] == "generate":
        link("generate", "Duplicate and tweak", "content_copy", like=job_id)
        if state.state == "done":
            link("review", "Review", "rate_review")
    else:
        link("new_job", "Duplicate and tweak", "content_copy", like=job_id)
        if state.state == "done":
            link("evaluations", "Evaluate", "leaderboard", checkpoint=job_id)


def _stop(store: Store, job_id: str, save: bool) -> None:
    try:
        desk.stop(store, job_id, save=save, stopped_by=user())
        st.session_state[NOTICE] = "Asked to stop after this step." if save else "Asked to stop."
    except RankDeskError as error:
        st.session_state[_PROBLEM] = str(error)


def _resume(store: Store, job_id: str) -> None:
    try:
        desk.resume(store, job_id, resumed_by=user())
        st.session_state[NOTICE] = "It goes on from what was done."
    except RankDeskError as error:
        st.session_state[_PROBLEM] = str(error)


def _measures(store: Store, job: dict[str, Any]) -> None:
    metrics = jobs.job_metrics(store, job["job_id"])
    if metrics.is_empty():
        st.caption("Nothing is measured yet.")
        return
    there = set(metrics["name"].unique())
    with st.grid(3, min_column_width=260, gap="small", border=True):
        for title, names in _CHARTS:
            drawn = {name: label for name, label in names.items() if name in there}
            if drawn:
                st.altair_chart(metric_lines(metrics, drawn, title), alt=title)


def _logs(store: Store, job: dict[str, Any]) -> None:
    for name, text in desk.log_tails(store, job["job_id"]).items():
        st.markdown(f"**{name}** :gray[the last 8,000 bytes]")
        if text:
            with st.container(height=300, autoscroll=True):
                st.code(text, language=None, wrap_lines=True)
        else:
            st.caption("Empty.")
