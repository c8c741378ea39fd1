"""Every page draws itself, over nothing and over something, and says what can be done next."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from streamlit.testing.v1 import AppTest

from curation import batching, review
from db import batches, benchmarks, evaluations, items, jobs
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import add_evaluation
from tests.samples import add_samples
from trainer import desk
from trainer.jobs import JobState
from trainer.recipes import apply_overrides, load_recipe

VIEWS = sorted(
    path.stem
    for path in (Path(__file__).parents[2] / "app" / "views").glob("*.py")
    if path.stem != "__init__"
)
OpenPage = Callable[..., AppTest]


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


@pytest.mark.parametrize("view", VIEWS)
def test_draws_an_empty_workspace(view: str, workspace: Workspace, open_page: OpenPage) -> None:
    Store.create(workspace).close()
    assert errors(open_page(view)) == []


@pytest.mark.parametrize("view", VIEWS)
def test_draws_a_filled_workspace(view: str, sample: Workspace, open_page: OpenPage) -> None:
    app = open_page(view)
    assert errors(app) == []
    assert app.title or view in ("review", "adjudicate")


def test_navigation_names_every_view() -> None:
    source = (Path(__file__).parents[2] / "app" / "desk.py").read_text(encoding="utf-8")
    assert [view for view in VIEWS if f'("{view}",' not in source] == []


def test_offers_to_make_a_missing_workspace(workspace: Workspace, open_page: OpenPage) -> None:
    app = open_page()
    assert errors(app) == []
    app.button[0].click().run()
    assert errors(app) == []
    assert workspace.database.exists()


def test_an_unreadable_workspace_is_not_made_anew(
    workspace: Workspace, open_page: OpenPage
) -> None:
    workspace.create_folders()
    workspace.database.write_bytes(b"no database" * 9999)
    app = open_page()
    assert "rankdesk" in errors(app)[0]
    assert not app.button


def test_a_busy_workspace_names_its_holder(workspace: Workspace, open_page: OpenPage) -> None:
    Store.create(workspace).close()
    code = f"import duckdb; c = duckdb.connect({str(workspace.database)!r}); print(1, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        (message,) = errors(open_page())
        holder.communicate("\n", timeout=30)
    assert f"process {holder.pid}" in message.replace("\\", "")


@pytest.mark.parametrize("kind", ["sft", "grpo", "evaluate"])
@pytest.mark.parametrize("view", ["Measures", "Log", "Configuration", "Rollouts"])
def test_draws_a_job(kind: str, view: str, sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        job = next(job for job in jobs.list_jobs(store) if job["kind"] == kind)
    app = open_page("jobs", job=job["job_id"])
    assert errors(app) == []
    assert job["name"].split()[0] in app.title[0].value.replace("\\", "")
    views = app.segmented_control(key="job_view")
    if view in views.options:
        views.set_value(view).run()
        assert errors(app) == []


def test_a_jobs_log_holds_that_of_the_server_it_started(
    sample: Workspace, open_page: OpenPage
) -> None:
    with Store.open(sample) as store:
        job = next(job for job in jobs.list_jobs(store) if job["kind"] == "evaluate")
    log = sample.jobs / job["job_id"] / "vllm.log"
    log.write_text("x" * 9000 + "\nApplication startup complete.\n", encoding="utf-8")
    app = open_page("jobs", job=job["job_id"], job_view="Log")
    assert errors(app) == []
    (text,) = [each.value for each in app.code if "startup" in each.value]
    assert len(text) == 7999  # without the last line break


def test_an_unknown_job_is_an_error_with_a_remedy(sample: Workspace, open_page: OpenPage) -> None:
    (message,) = errors(open_page("jobs", job="nobody"))
    assert "nobody" in message


@pytest.mark.parametrize("view", ["Orders", "Bump chart", "Chains", "Replay"])
def test_draws_both_orders_of_a_query(view: str, sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("queries", query="q1", diff_view=view)
    assert errors(app) == []
    assert any("Which rule is behind it?" in text.value for text in app.text)


def test_queries_let_a_run_be_taken_away(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("queries", query="q1")
    assert [button.label for button in app.get("download_button")] == [
        "TREC run",
        "RankLLM results",
    ]


def test_replay_keeps_its_round_in_the_address(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = evaluations.calls_of

    def two_windows(store: Store, evaluation_id: str, qid: str) -> list[dict[str, object]]:
        (first,) = real(store, evaluation_id, qid)
        top = ["q1 d0", "q1 d3"]  # what a second pass over the first two places would be shown
        first = {**first, "permutation": [1, 4, 2, 3, 5, 6, 7, 8]}
        return [first, {**first, "call": 1, "round": 2, "docids": top, "permutation": [2, 1]}]

    monkeypatch.setattr(evaluations, "calls_of", two_windows)
    app = open_page("queries", query="q1", diff_view="Replay", round="nonsense")
    assert app.selectbox(key="round").value == 1
    app.button(key="round-next").click().run()
    assert errors(app) == []
    assert app.query_params["round"] == "2"
    assert "Round 2 of 2: places 1 to 2, 1 moved up" in app.selectbox(key="round").options
    assert app.button(key="round-next").disabled


def test_compares_evaluations(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("compare")
    assert errors(app) == []
    assert any("over 12 queries" in caption.value for caption in app.caption)
    assert [tab.label for tab in app.tabs] == [
        "Tests",
        "Cost",
        "Where",
        "Order shown",
        "Query by query",
    ]
    app.multiselect[0].set_value(app.multiselect[0].value[:1]).run()
    assert [info.value for info in app.info] == ["Choose at least two evaluations."]


def test_shuffle_test_starts_three_evaluations_and_shows_what_is_there(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[desk.PreparedJob] = []
    monkeypatch.setattr(desk, "start", lambda _, job, *, created_by: started.append(job) or "id")
    app = open_page("compare")
    app.button(key="shuffle").click().run()
    assert errors(app) == []
    assert [job.spec.settings.shuffle for job in started] == [1, 2, 3]
    with Store.open(sample) as store:
        tested = evaluations.get_evaluation(store, "sft on held-out")
        for seed in (1, 2, 3):
            add_evaluation(store, tested["checkpoint_id"], f"s{seed}", shuffle=seed, lost=1)
        add_evaluation(store, tested["checkpoint_id"], "again", seed=5, lost=3)
    app.run()
    assert errors(app) == []
    told = " ".join(each.value for each in app.markdown).replace("\\", "")
    assert "Order-biased: it ranks better from the first stage's order" in told
    assert app.button(key="shuffle").disabled
    repeated = next(each.value for each in app.dataframe if "runs" in each.value.columns)
    assert repeated["runs"].to_list() == [2]


def test_pins_a_baseline(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("evaluations")
    with Store.open(sample) as store:
        benchmark = benchmarks.list_benchmarks(store)[0]["benchmark_id"]
        trained = evaluations.get_evaluation(store, "sft on held-out")["evaluation_id"]
    app.selectbox(key="baseline").select(trained).run()
    assert errors(app) == []
    with Store.open(sample) as store:
        assert benchmarks.pinned_baseline(store, benchmark) == trained


def open_evaluate_form(sample: Workspace, open_page: OpenPage) -> AppTest:
    with Store.open(sample) as store:
        checkpoint = evaluations.get_evaluation(store, "sft on held-out")["checkpoint_id"]
    return open_page("evaluations", checkpoint=checkpoint)


def test_every_combination_of_strategy_and_repeat_is_one_job(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_evaluate_form(sample, open_page)
    assert app.button(key="start-job").label == "Start"
    chosen = next(each for each in app.multiselect if each.label == "Strategies")
    chosen.set_value(["listwise", "setwise", "collaborative"]).run()
    # Its options name no strategy for the small model yet.
    assert any("small" in message for message in errors(app))
    options = next(each for each in app.text_area if "Small model" in each.label)
    options.set_value("{name: collaborative, small: {name: listwise}}").run()
    app.number_input(key="evaluate-repeats").set_value(2).run()
    assert errors(app) == []
    assert app.button(key="start-job").label == "Start all 6"
    names = list(app.dataframe[-1].value["name"])
    assert [name for name in names if "seed 1" in name and "setwise" in name]
    assert "temperature" in {each.label for each in app.text_input}


def test_endpoints_are_evaluated_as_checkpoints_are(sample: Workspace, open_page: OpenPage) -> None:
    app = open_evaluate_form(sample, open_page)
    app.segmented_control(key="ranker").set_value("Endpoints").run()
    assert "start-job" not in [button.key for button in app.button]
    app.text_input(key="ranker-model").set_value("deepseek-reasoner")
    app.text_area(key="ranker-urls").set_value("http://127.0.0.1:1/v1\nhttp://127.0.0.1:2/v1").run()
    assert errors(app) == []
    assert not app.button(key="start-job").disabled
    assert "http://127.0.0.1:2/v1" in "".join(code.value for code in app.code)


def test_sandbox_takes_the_reward_apart(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("reward")
    assert app.metric[0].value == "1.3000"
    app.text_area(key="sandbox_response").set_value("no tags at all").run()
    assert app.metric[0].value == "-1.0000"
    app.text_input[0].set_value("[1] > [1]").run()


def test_sandbox_is_filled_from_an_item(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("reward")
    item = app.selectbox(key="sandbox_item")
    with Store.open(sample) as store:
        first = items.list_items(store, ItemFilter(order="imported"), limit=1)["item_id"][0]
    item.set_value(first).run()
    assert errors(app) == []
    assert "</answer>" in app.text_area(key="sandbox_response").value


def test_batch_is_made_and_approved(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("batches")
    app.text_input(key="batch_name").set_value("second *round*").run()
    create = next(button for button in app.button if button.label.startswith("Create batch"))
    create.click().run()
    assert errors(app) == []
    waiting = next(button for button in app.button if button.label == "Approve …")
    waiting.click().run()
    app.button(key="approve-now").click().run()
    assert errors(app) == []
    with Store.open(sample) as store:
        newest = batches.list_snapshots(store).row(0, named=True)
    assert (newest["name"], newest["approved_by"]) == ("second *round*", "ada")
    assert app.query_params["snapshot"] == newest["snapshot_id"]


def test_batch_without_items_says_what_to_do(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("batches")
    app.multiselect(key="batch_reviewers").set_value(["grace"]).run()
    assert any("0 items" in text.value for text in app.markdown)
    create = next(button for button in app.button if button.label.startswith("Create batch"))
    assert create.disabled


def test_import_runs_beside_the_page(
    workspace: Workspace, open_page: OpenPage, tmp_path: Path
) -> None:
    Store.create(workspace).close()
    app = open_page()
    app.text_input[0].set_value(str(tmp_path / "missing"))
    next(button for button in app.button if button.label == "Import").click().run()
    for _ in range(50):
        if app.error:
            break
        app.run()
    assert "missing" in app.error[0].value.replace("\\", "")


def test_a_live_job_can_be_stopped(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(sample) as store:
        job_id = next(job["job_id"] for job in jobs.list_jobs(store) if job["kind"] == "sft")
    running = JobState("running", "", 3, 10, "step", 70.0, {}, 1, os.getpid())
    asked: list[tuple[str, bool, str]] = []

    def stop(store: Store, job_id: str, *, save: bool, stopped_by: str) -> None:
        asked.append((job_id, save, stopped_by))

    monkeypatch.setattr(desk, "job_state", lambda store, job_id: running)
    monkeypatch.setattr(desk, "stop", stop)
    app = open_page("jobs", job=job_id)
    assert errors(app) == []
    next(button for button in app.button if button.label == "Stop and save").click().run()
    assert asked == [(job_id, True, "ada")]
    assert {metric.label for metric in app.metric} >= {"CPU", "Memory"}


def test_a_job_that_cannot_be_resumed_says_why(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(sample) as store:
        job_id = next(job["job_id"] for job in jobs.list_jobs(store) if job["kind"] == "sft")
    stopped = JobState("stopped", "stopped on request", 3, 10, "step", None, {}, 1, None)
    monkeypatch.setattr(desk, "job_state", lambda store, job_id: stopped)
    app = open_page("jobs", job=job_id)
    next(button for button in app.button if button.label == "Resume").click().run()
    assert "only an ended job can be resumed" in app.error[0].value


def test_a_wrong_setting_is_told_before_the_start(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("new_job")
    field = next(field for field in app.text_area if field.label == "Other settings")
    field.set_value("lerning_rate=1").run()
    assert "Did you mean learning" in app.error[0].value.replace("\\", "")


def test_duplicate_and_tweak_fills_the_form(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        like = next(job for job in jobs.list_jobs(store) if job["kind"] == "grpo")
    app = open_page("new_job", like=like["job_id"])
    assert errors(app) == []
    assert app.segmented_control(key="job_kind").value == "grpo"
    base = next(box for box in app.selectbox if box.label == "Start from")
    assert base.value == like["checkpoint_id"]


@pytest.mark.parametrize("name", ["demo-grpo", "/nowhere/ours.yaml"])
def test_duplicate_and_tweak_restores_every_setting(
    sample: Workspace, open_page: OpenPage, name: str
) -> None:
    changes = ["reward.recall=0.3", "evaluation.strategy.window=4", "epochs=2", "beta=0.125"]
    changes += ["lora={r: 8, alpha: 16}"]
    recipe = apply_overrides(load_recipe("demo-grpo"), changes)
    with Store.open(sample) as store:
        like = next(job for job in jobs.list_jobs(store) if job["kind"] == "grpo")
        config = yaml.safe_load(like["config"])
        config["spec"]["recipe"] = recipe.model_dump(mode="json")
        job = {"kind": "grpo", "name": "tweaked", "created_by": "ada", "recipe": name}
        job |= {"snapshot_id": like["snapshot_id"], "checkpoint_id": like["checkpoint_id"]}
        jobs.insert_job(store, job_id="tweaked", config=yaml.safe_dump(config), **job)
    app = open_page("new_job", like="tweaked")
    assert errors(app) == []
    assert app.session_state["pick-grpo_recipe"] == "demo-grpo"
    shown = next(code.value for code in app.code if "recipe_name:" in code.value)
    assert yaml.safe_load(shown)["recipe"] == recipe.model_dump(mode="json")


def test_the_keys_of_review_are_shown_and_do_nothing_meanwhile(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    app.button(key="show-keys").click().run()
    assert errors(app) == []
    assert any("Alt+↑" in text.value for text in app.markdown)
    approve = next(button for button in app.button if button.label == "Approve")
    assert approve.disabled
    app.button(key="hide-keys").click().run()
    approve = next(button for button in app.button if button.label == "Approve")
    assert not approve.disabled


def test_batches_say_what_is_left_out_and_what_was_decided_since(
    workspace: Workspace, open_page: OpenPage
) -> None:
    with Store.create(workspace) as store:
        add_samples(store, i2="missing")
        for item_id in ("i1", "i2", "i3", "i4"):
            review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
        batching.create(store, "first", batching.Selection(), created_by="ada")
        review.decide(
            store, item_id="i3", reviewer="ben", verdict="reject", reasons=["wrong_order"]
        )
        review.decide(store, item_id="i4", reviewer="ben", verdict="fix", order=list("abcd"))
    app = open_page("batches")
    said = [text.value for text in app.caption]
    assert any("1 item with a repaired response left out, 1 of them approved" in s for s in said)
    app.text_input(key="batch_name").set_value("first").run()
    next(each for each in app.button if each.label.startswith("Create")).click().run()
    assert "named first already" in app.error[0].value
    app = open_page("batches", view_of="batches")
    next(button for button in app.button if button.label == "Approve …").click().run()
    assert "1 item passes the batch's filters no longer" in app.warning[0].value
    assert "1 item was corrected since" in app.info[0].value
