"""Small items and recipes for the tiny model of the tests, and waiting without sleeping blindly."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curation.training_items import Candidate, TrainingItem
from trainer import jobs
from trainer.joblog import read_events
from trainer.models import load_tokenizer
from trainer.recipes import apply_overrides, load_recipe
from trainer.rows import build_rows
from trainer.texts import prompt_text

# Small enough for a step in some 30 ms, saved often enough to be killed between two checkpoints.
SMALL = [
    "template=listwise-short",
    "max_passage_tokens=16",
    "max_prompt_tokens=400",
    "max_completion_tokens=100",
    "evaluation.strategy.window=4",
    "evaluation.strategy.step=2",
    "evaluation.depth=6",
    "evaluation.max_new_tokens=24",
    "logging_steps=1",
    "share=all",
]
SFT = [*SMALL, "max_steps=24", "save_steps=4", "per_device_train_batch_size=4"]
GRPO = [
    *SMALL,
    "max_steps=8",
    "save_steps=2",
    "learning_rate=1e-3",
    "per_device_train_batch_size=8",
    "num_generations=4",
    "max_completion_tokens=80",
]


def make_items(count: int) -> list[TrainingItem]:
    """Return items of three domains whose relevant passage repeats the query's number."""
    items = []
    for number in range(count):
        candidates = tuple(
            Candidate(f"d/{number} {place}", f"note {place} on number {number + place}", None)
            for place in range(4)
        )
        docids = tuple(candidate.docid for candidate in candidates)
        best = number % 4
        ranking = (docids[best], *(docid for docid in docids if docid != docids[best]))
        items.append(
            TrainingItem(
                item_id=f"{number:032x}",
                domain=("biology", "leetcode", "math-qa")[number % 3],
                qid=f"q {number}",
                query=f"which note is on number {number + best}?",
                candidates=candidates,
                relevant_docids=(docids[best],),
                ranking=ranking,
                chain=f"The query names {number + best}, and so does [{best + 1}].",
                author="teacher",
                author_name="simulated",
            )
        )
    return items


def teach(base: Path, folder: Path) -> Path:
    """Write the base after a few passes over the items: some of its answers are right."""
    import torch
    from transformers import Qwen3ForCausalLM

    tokenizer = load_tokenizer(str(base))
    rows = build_rows(make_items(24), apply_overrides(load_recipe("demo-sft"), SFT), tokenizer).rows
    texts = [
        prompt_text(tokenizer, row["prompt"]) + row["completion"][0]["content"] + "<|im_end|>"
        for row in rows
    ]
    model = Qwen3ForCausalLM.from_pretrained(base)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for step in range(150):
        start = step * 4 % len(texts)
        batch = tokenizer(texts[start : start + 4], padding=True, return_tensors="pt")
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        model(**batch, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def wait_for(condition: Callable[[], object], what: str, deadline_s: float = 90) -> None:
    """Return once the condition holds; fail with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"waited {deadline_s} s for {what}")
        time.sleep(0.02)


def wait_for_state(job_dir: Path, wanted: str) -> None:
    """Return once the job is in the state; a failed job shows its log."""

    def reached() -> bool:
        now = jobs.state(job_dir)
        if now.state in ("failed", "interrupted") and now.state != wanted:
            log = (job_dir / "stderr.log").read_text()[-3000:]
            pytest.fail(f"job is {now.state}: {now.message}\n{log}")
        return now.state == wanted

    wait_for(reached, f"state {wanted} of {job_dir.name}")


def wait_for_event(job_dir: Path, kind: str, **fields: object) -> None:
    """Return once the newest attempt wrote such an event."""
    offset = jobs.attempts(job_dir)[-1].events_offset

    def there() -> bool:
        events, _ = read_events(job_dir, offset)
        return any(
            event["type"] == kind and all(event.get(k) == v for k, v in fields.items())
            for event in events
        )

    wait_for(there, f"event {kind} {fields} of {job_dir.name}")


def metrics(job_dir: Path, name: str) -> dict[int, float]:
    """Return one metric by step; a step that was logged again keeps its last value."""
    events, _ = read_events(job_dir)
    return {
        event["step"]: event["values"][name]
        for event in events
        if event["type"] == "metrics" and name in event["values"]
    }


def kill(job_dir: Path) -> None:
    """Kill the job's process as a power cut would."""
    os.kill(jobs.attempts(job_dir)[-1].pid, 9)


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON file."""
    return json.loads(path.read_text())
