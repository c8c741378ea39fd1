"""The trainer's callback: writes the job's events, and ends training when asked to."""

import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainer.environment import memory_use
from trainer.joblog import write_event
from trainer.jobs import STOP_AND_SAVE
from trainer.process import StopNow, asked_to_stop

PROGRESS_EVERY_S = 1.0
# What the trainer logs once at the end, about the whole run, and the epoch beside every step.
_SUMMARY = "train_runtime"
_SKIPPED = frozenset({"epoch", "total_flos"})


class Progress(TrainerCallback):
    """Progress with ETA, metrics at each log, checkpoints; stops by the job's control file."""

    def __init__(self, job_dir: Path) -> None:
        self.job_dir = job_dir
        self.stopped = ""  # the closing sentence, once a stop was carried out
        self._start_step = 0
        self._start = self._last_event = time.monotonic()
        self._tokens: tuple[float, float] | None = None  # (time, tokens) at the last log

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Start the clock; after a resume it counts the steps of this attempt only."""
        self._start_step = state.global_step
        self._start = time.monotonic()
        self._write_progress(state)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Report the step, and look whether someone asked to stop."""
        now = time.monotonic()
        done = state.global_step >= state.max_steps
        if now - self._last_event >= PROGRESS_EVERY_S or done:
            self._write_progress(state)
        asked = _shared(asked_to_stop(self.job_dir), args.world_size)
        if asked is not None and not done:
            control.should_training_stop = True
            control.should_save = control.should_save or asked == STOP_AND_SAVE
            self._write_progress(state)
            saved = ", which is saved" if control.should_save else ""
            self.stopped = f"stopped on request after step {state.global_step}{saved}"

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write what the trainer measured, with throughput and memory."""
        if not state.is_world_process_zero or not logs or _SUMMARY in logs:
            return
        numbers = {
            name: float(value)
            for name, value in logs.items()
            if name not in _SKIPPED and isinstance(value, int | float)
        }
        values = {name: value for name, value in numbers.items() if math.isfinite(value)}
        if not math.isfinite(numbers.get("loss", 0.0)):
            write_event(
                self.job_dir,
                "warning",
                message=f"The loss is {numbers['loss']} at step {state.global_step}: stop and "
                "lower learning_rate.",
            )
        now = time.monotonic()
        if "num_tokens" in values:
            if self._tokens is not None and values["num_tokens"] > self._tokens[1]:
                passed, tokens = now - self._tokens[0], values["num_tokens"] - self._tokens[1]
                values["tokens_per_s"] = tokens / passed
            self._tokens = (now, values["num_tokens"])
        write_event(self.job_dir, "metrics", step=state.global_step, values=values | memory_use())

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tell of a checkpoint, which is whole by now."""
        if state.is_world_process_zero:
            name = f"checkpoint-{state.global_step}"
            write_event(self.job_dir, "checkpoint", step=state.global_step, name=name)

    def raise_if_stopped(self) -> None:
        """End the job here if training ended early on request."""
        if self.stopped:
            raise StopNow(self.stopped)

    def _write_progress(self, state: TrainerState) -> None:
        if not state.is_world_process_zero:
            return
        self._last_event = time.monotonic()
        steps = state.global_step - self._start_step
        left = state.max_steps - state.global_step
        eta_s = round((self._last_event - self._start) / steps * left, 1) if steps else None
        write_event(
            self.job_dir,
            "progress",
            step=state.global_step,
            total=state.max_steps,
            unit="step",
            eta_s=eta_s,
        )


def _shared(asked: str | None, world_size: int) -> str | None:
    """Let every process act on what the first one read, or some would wait for others forever."""
    if world_size == 1:
        return asked
    import torch.distributed as dist

    box = [asked]
    dist.broadcast_object_list(box, src=0)
    return box[0]
