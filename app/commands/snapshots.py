"""Commands over snapshots: what differs between two of them."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, emit, open_store, render
from curation.snapshot_diff import SnapshotDiff, diff
from curation.snapshot_scores import PairedScore, paired_scores

snapshot = typer.Typer(help="What was frozen.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(snapshot, name="snapshot")


Name = Annotated[str, typer.Argument(help="Its id, or its batch's id or name.")]


@snapshot.callback()
def group() -> None:
    """Keep `snapshot diff` two words while it is the only one."""


@snapshot.command("diff")
def snapshot_diff(
    context: typer.Context,
    before: Name,
    after: Name,
    measure: Annotated[str, typer.Option(help="Of the models' evaluations.")] = "nDCG@10",
    as_json: Json = False,
) -> None:
    """Show what differs between two snapshots, by whom and why, beside their models' scores."""
    with open_store(context) as store:
        found = diff(store, before, after)
        scores = paired_scores(store, found.before.snapshot_id, found.after.snapshot_id, measure)
    result = {
        "before": found.before.snapshot_id,
        "after": found.after.snapshot_id,
        "since": found.since,
        "until": found.until,
        "counts": found.counts,
        "filters": {name: {"before": a, "after": b} for name, (a, b) in found.filters.items()},
        "changes": [asdict(each) for each in found.changes],
        "measure": measure,
        "models": [asdict(each) for each in scores],
    }
    emit(result, as_json, lambda: _words(found, scores, measure))


def _words(found: SnapshotDiff, scores: list[PairedScore], measure: str) -> str:
    counts = ", ".join(f"{n} {name}" for name, n in found.counts.items())
    lines = [f"{found.before.snapshot_id} -> {found.after.snapshot_id}: {counts}"]
    lines += [f"filter {name}: {a} -> {b}" for name, (a, b) in found.filters.items()]
    rows: list[dict[str, Any]] = []
    for each in found.changes[:50]:
        last = each.decisions[-1] if each.decisions else None
        rows.append(
            {
                "change": " ".join([each.change, *each.parts]),
                "domain": each.domain,
                "qid": each.qid,
                "who": last and last.who,
                "why": f"{last.what} {last.why}".strip() if last else each.note,
            }
        )
    columns = {"change": "change", "domain": "domain", "qid": "qid", "who": "who", "why": "why"}
    if rows:
        lines += ["", render(rows, columns)]
    if len(found.changes) > len(rows):
        lines.append(f"… and {len(found.changes) - len(rows)} more (--json lists all)")
    if scores:
        lines += ["", _score_table(scores, measure)]
    return "\n".join(lines)


def _score_table(scores: list[PairedScore], measure: str) -> str:
    rows = [
        {
            "benchmark": each.benchmark,
            "kind": each.kind,
            "before": f"{100 * each.means[0]:.2f}",
            "after": f"{100 * each.means[1]:.2f}",
            "difference": f"{100 * each.comparison.difference:+.2f}",
            "ci": " to ".join(f"{100 * bound:+.2f}" for bound in each.comparison.ci),
            "n": each.comparison.n,
            "p": each.comparison.p,
            "p_holm": each.p_holm,
            "differs": ", ".join(each.differs) or "nothing recorded",
        }
        for each in scores
    ]
    columns = {
        "benchmark": "benchmark",
        "kind": "model",
        "before": f"{measure} x 100 before",
        "after": "after",
        "difference": "difference",
        "ci": "95 % interval",
        "n": "n",
        "p": "p",
        "p_holm": "p (Holm)",
        "differs": "differs too",
    }
    return render(rows, columns)
