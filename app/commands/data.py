"""Commands over the data: init, import, consistency, teachers, batch, export."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from app.commands.terminal import Json, Progress, emit, open_store, render, say, user
from app.commands.terminal import workspace as locate
from curation import batching, consistency, teachers
from curation.dropped import dropped_before
from curation.exports import FORMATS
from curation.intake import WINDOW, import_reasonrank
from db import agreement, batches, items
from db.store import Store

imports = typer.Typer(help="Bring data in.", no_args_is_help=True)
batch = typer.Typer(help="Choose items, approve them, freeze them.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.command("init")(init)
    cli.add_typer(imports, name="import")
    cli.command("consistency")(show_consistency)
    cli.command("teachers")(show_teachers)
    cli.add_typer(batch, name="batch")
    cli.command("export")(export)


def init(
    context: typer.Context,
    with_demo: Annotated[
        bool, typer.Option("--demo", help="Fill it with the generated demo world.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the demo world.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a workspace; with --demo, one to try RankDesk on."""
    place = locate(context)
    with Store.create(place) as store:
        if with_demo:
            from trainer import demo  # torch comes with it: seconds that only this needs

            progress = Progress("demo world")
            demo.seed_workspace(store, seed=seed, on_progress=progress)
            progress.done("is there")
        counts = items.counts(store)
    emit(
        {"workspace": str(place.root), **counts},
        as_json,
        lambda: f"{place.root}: {counts['items']} items. Open it with `streamlit run app/main.py`.",
    )


@imports.command("reasonrank")
def import_layout(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder with training_data_all.jsonl.")],
    as_json: Json = False,
) -> None:
    """Import a folder in ReasonRank's published layout; bad rows are listed, good ones go in."""
    progress = Progress(f"importing {folder.name}")
    with open_store(context) as store:
        report = import_reasonrank(
            store,
            folder,
            imported_by=user(),
            on_progress=lambda done, total, rows: progress(done, total, f"{rows} rows"),
        )
    progress.done(f"{report.imported} imported")
    if report.long_lists:
        say(f"{report.long_lists} items hold more passages than one window of {WINDOW}.")
    result = {
        "imported": report.imported,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
        "long_lists": report.long_lists,
        "rejects": [
            {
                "line": reject.line,
                "file": reject.file,
                "field": reject.field,
                "cause": reject.cause,
                "message": reject.message,
            }
            for reject in report.rejects
        ],
    }
    shown = [reject.message for reject in report.rejects[:20]]
    if (rest := len(report.rejects) - len(shown)) > 0:
        shown.append(f"… and {rest} more (--json lists all)")
    counts = f"{report.imported} imported, {report.unchanged} unchanged, {report.rejected} rejected"
    emit(result, as_json, lambda: "\n".join([counts, *shown]))


def show_consistency(
    context: typer.Context,
    cut: Annotated[float, typer.Option(min=0, max=1, help="nDCG@10.")] = consistency.DEFAULT_CUT,
    as_json: Json = False,
) -> None:
    """Show how many items the self-consistency cut keeps and drops, by domain."""
    with open_store(context) as store:
        values = items.consistency_values(store)
        sampled = agreement.values(store)
        before = dropped_before(store)
    for sentence in before.sentences():
        say(sentence)
    rows: list[dict[str, Any]] = consistency.kept_curve(values, [cut]).to_dicts()
    total: dict[str, Any] = {"domain": "all", "cut": cut, "kept": sum(r["kept"] for r in rows)}
    total["dropped"] = len(values) - total["kept"]
    result: dict[str, Any] = {
        "cut": cut,
        "kept": total["kept"],
        "dropped": total["dropped"],
        "mean_ndcg@10": values["ndcg"].mean(),
        "domains": rows,
        "before": asdict(before),
        "samples": None,
    }
    columns = {"domain": "domain", "kept": "kept", "dropped": "dropped"}
    several = sampled.filter(pl.col("tau").is_not_null())
    if several.height:
        measured = ("tau", "overlap", "spread", "follows", "other_tau")
        by_domain = several.group_by("domain").agg(
            pl.len().alias("sampled"), *(pl.col(name).mean() for name in measured)
        )
        known = {row.pop("domain"): row for row in by_domain.to_dicts()}
        for row in rows:
            row |= known.get(row["domain"], {})
        result["samples"] = {"items": several.height}
        result["samples"] |= {name: several[name].mean() for name in measured}
        total |= {"sampled": several.height} | {name: several[name].mean() for name in measured}
        columns |= {
            "sampled": "with samples",
            "tau": "τ",
            "overlap": "first 10",
            "spread": "places apart",
            "follows": "follows",
        }
    emit(result, as_json, lambda: render([*rows, total], columns))


def show_teachers(
    context: typer.Context,
    cut: Annotated[float, typer.Option(min=0, max=1, help="nDCG@10.")] = consistency.DEFAULT_CUT,
    as_json: Json = False,
) -> None:
    """Compare teachers by model and prompt: self-consistency, faults and cost."""
    with open_store(context) as store:
        found = teachers.summaries(store, cut)
        pairs = teachers.comparisons(store)
    rows = [
        {
            "name": each.name,
            "items": each.items,
            "ndcg": 100 * each.ndcg.value,
            "kept": f"{each.kept.value:.1%}",
            "malformed": f"{each.malformed.value:.1%}",
            "flagged": f"{each.flagged.value:.1%}",
            "tau": each.tau and each.tau.value,
            "cost": each.cost_item and 1000 * each.cost_item.value,
            "cost_kept": each.cost_kept and 1000 * each.cost_kept.value,
        }
        for each in found
    ]
    columns = {
        "name": "teacher",
        "items": "items",
        "ndcg": "nDCG@10 x 100",
        "kept": f"kept at {cut:g}",
        "malformed": "malformed",
        "flagged": "failing chains",
        "tau": "τ of samples",
        "cost": "$ / 1,000 items",
        "cost_kept": "$ / 1,000 kept",
    }
    result = {
        "cut": cut,
        "teachers": [asdict(each) for each in found],
        "pairs": [asdict(each) for each in pairs],
    }
    emit(result, as_json, lambda: render(rows, columns))


@batch.command("create")
def batch_create(
    context: typer.Context,
    name: str,
    domain: Annotated[list[str] | None, typer.Option(help="Only these (repeatable).")] = None,
    verdict: Annotated[
        list[str] | None,
        typer.Option(help="approve, fix, open (not judged); repeatable [approve, fix]."),
    ] = None,
    cut: Annotated[float, typer.Option(min=0, max=1, help="nDCG@10.")] = consistency.DEFAULT_CUT,
    reviewer: Annotated[list[str] | None, typer.Option(help="Only their verdicts.")] = None,
    judged_since: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    repaired: Annotated[
        bool, typer.Option("--repaired", help="Let repaired rankings through.")
    ] = False,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Let quarantined items in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Select items into a named batch."""
    selection = batching.Selection(
        domains=tuple(domain or ()),
        verdicts=tuple(verdict or ("approve", "fix")),
        cut=cut,
        reviewers=tuple(reviewer or ()),
        judged_since=judged_since.replace(tzinfo=UTC) if judged_since else None,
        only_ok=not repaired,
        quarantined=quarantined,
    )
    with open_store(context) as store:
        batch_id = batching.create(store, name, selection, created_by=user())
        n_items = batches.get_batch(store, batch_id)["n_items"]
        missing = batching.left_out(store, selection, batching.preview(store, selection))
    if missing.repaired:
        say(
            f"{missing.repaired} items with a repaired response are left out, of them "
            f"{missing.approved} approved; --repaired lets them through."
        )
    if missing.quarantined:
        say(f"{missing.quarantined} quarantined items are left out.")
    emit(
        {"batch_id": batch_id, "name": name, "n_items": n_items, "left_out": asdict(missing)},
        as_json,
        lambda: f"batch {batch_id}: {n_items} items. Approve it: `rankdesk batch approve {name}`.",
    )


@batch.command("approve")
def batch_approve(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="BATCH", help="Its id or name.")],
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Freeze it without what is quarantined.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--keep-because", help="Freeze quarantined items too, for this reason.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Freeze a batch to an immutable snapshot."""
    with open_store(context) as store:
        _, changed = batching.standing(store, wanted)
        if changed.left_out:
            say(f"{len(changed.left_out)} items no longer pass its filters: they are left out.")
        if changed.refreshed:
            say(f"{len(changed.refreshed)} items were corrected since: as corrected they go in.")
        manifest = batching.approve(
            store, wanted, approved_by=user(), leave_out=leave_out, reason=reason
        )
    emit(
        {"snapshot_id": manifest.snapshot_id, "n_items": manifest.n_items}
        | {"changed": changed.model_dump()},
        as_json,
        lambda: f"snapshot {manifest.snapshot_id}: {manifest.n_items} items",
    )


@batch.command("list")
def batch_list(context: typer.Context, as_json: Json = False) -> None:
    """List the batches and their snapshots."""
    with open_store(context) as store:
        rows = [
            row | {"selection": json.loads(row["selection"])}
            for row in batches.list_batches(store).iter_rows(named=True)
        ]
    columns = {
        "name": "name",
        "n_items": "items",
        "cut": "cut",
        "snapshot_id": "snapshot",
        "approved_by": "approved by",
        "batch_id": "batch",
    }
    emit(rows, as_json, lambda: render(rows, columns))


def export(
    context: typer.Context,
    snapshot: Annotated[str, typer.Argument(help="Its id, or its batch's name.")],
    out: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
    layout: Annotated[str, typer.Option("--format", help=" | ".join(FORMATS))],
    as_json: Json = False,
) -> None:
    """Write a snapshot in a format that other trainers read."""
    with open_store(context) as store:
        found = batches.find_snapshot(store, snapshot)
        report = batching.export(store, found["snapshot_id"], layout, out, exported_by=user())
    say(f"{report.n_items} items written to {out}")
    emit(
        {"snapshot_id": found["snapshot_id"], "format": layout, "n_items": report.n_items}
        | {"files": [str(path) for path in report.files]},
        as_json,
        lambda: "\n".join(str(path) for path in report.files),
    )
