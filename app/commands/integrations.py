"""Commands for what stands around the workspace: the API's tokens, webhooks, judgments out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import Json, emit, open_store, render, say, user
from curation import api_tokens, judgment_exports, webhooks
from db import api_tokens as tokens
from db import webhooks as outbox

api = typer.Typer(help="The read-only API of the app.", no_args_is_help=True)
token = typer.Typer(help="Who may read it.", no_args_is_help=True)
webhook = typer.Typer(help="Who is told what happens.", no_args_is_help=True)
judgment = typer.Typer(help="What reviewers decided.", no_args_is_help=True)
api.add_typer(token, name="token")


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(judgment, name="judgments")
    cli.add_typer(api, name="api")
    cli.add_typer(webhook, name="webhook")


@token.command("add")
def token_add(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Make a token and print it, once: only its hash is kept."""
    with open_store(context) as store:
        made = api_tokens.add(store, name, made_by=user())
    say("Keep it now: it is not shown again.")
    emit({"name": name, "token": made}, as_json, lambda: made)


@token.command("list")
def token_list(context: typer.Context, as_json: Json = False) -> None:
    """List the tokens in force."""
    with open_store(context) as store:
        rows = tokens.list_tokens(store)
    columns = {"name": "name", "made_by": "made by", "made_at": "made", "token_id": "token"}
    emit(rows, as_json, lambda: render(rows, columns))


@token.command("revoke")
def token_revoke(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id or name.")],
    as_json: Json = False,
) -> None:
    """Take a token out of force, from the next request on."""
    with open_store(context) as store:
        name = api_tokens.revoke(store, wanted, revoked_by=user())
    emit({"revoked": name}, as_json, lambda: f"{name} is revoked")


@webhook.command("add")
def webhook_add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where to send messages, by POST.")],
    secret_variable: Annotated[
        str, typer.Option(help="Environment variable that holds the signing secret.")
    ],
    event: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(webhooks.EVENTS)}; repeatable [all of them]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Keep an address that is told what happens from now on."""
    with open_store(context) as store:
        webhook_id = webhooks.add(
            store, url, events=event or (), secret_variable=secret_variable, made_by=user()
        )
    for warning in webhooks.warnings(url, secret_variable):
        say(warning)
    emit({"webhook_id": webhook_id}, as_json, lambda: webhook_id)


@webhook.command("list")
def webhook_list(context: typer.Context, as_json: Json = False) -> None:
    """List the webhooks."""
    with open_store(context) as store:
        rows = outbox.list_webhooks(store)
    columns = {
        "url": "url",
        "told": "events",
        "secret_variable": "secret in",
        "made_by": "made by",
        "webhook_id": "webhook",
    }
    shown = [{**row, "told": ", ".join(row["events"])} for row in rows]
    emit(rows, as_json, lambda: render(shown, columns))


@webhook.command("remove")
def webhook_remove(
    context: typer.Context,
    webhook_id: Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")],
    as_json: Json = False,
) -> None:
    """Tell a webhook nothing any more; what was not delivered yet is dropped."""
    with open_store(context) as store:
        webhooks.remove(store, webhook_id, removed_by=user())
    emit({"removed": webhook_id}, as_json, lambda: f"{webhook_id} is removed")


@webhook.command("test")
def webhook_test(
    context: typer.Context,
    webhook_id: Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id.")],
    as_json: Json = False,
) -> None:
    """Send a webhook a message now and say what it answered."""
    with open_store(context) as store:
        sent = webhooks.send_test(store, webhook_id, asked_by=user())
    if sent["state"] != "ok":
        raise webhooks.WebhookError(webhooks.outcome(sent))
    emit(
        {key: sent[key] for key in ("delivery_id", "state", "status")},
        as_json,
        lambda: webhooks.outcome(sent),
    )


@webhook.command("deliver")
def webhook_deliver(context: typer.Context, as_json: Json = False) -> None:
    """Send what is due, as the app does by itself while it runs."""
    with open_store(context) as store:
        attempted, taken = webhooks.deliver_due(store)
    emit(
        {"attempted": attempted, "delivered": taken},
        as_json,
        lambda: f"{taken} of {attempted} delivered",
    )


@judgment.command("export")
def judgments_export(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The file to write.")],
    layout: Annotated[str, typer.Option("--format", help=" | ".join(judgment_exports.FORMATS))],
    domain: Annotated[list[str] | None, typer.Option(help="Only these (repeatable).")] = None,
    verdict: Annotated[list[str] | None, typer.Option(help="Only these (repeatable).")] = None,
    reviewer: Annotated[list[str] | None, typer.Option(help="Only theirs (repeatable).")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only from then on, UTC.")] = None,
    as_json: Json = False,
) -> None:
    """Write the judgments in force as TREC qrels or as parquet."""
    chosen = judgment_exports.Chosen(
        domains=domain or (),
        verdicts=verdict or (),
        reviewers=reviewer or (),
        since=since.replace(tzinfo=UTC) if since else None,
    )
    with open_store(context) as store:
        report = judgment_exports.export(store, layout, out, chosen)
    if report.left_out:
        say(
            f"{report.left_out} pairs are left out: TREC's form cannot hold their ids (white space "
            "in a qid, or at a docid's ends). Parquet holds them."
        )
    emit(
        {"file": str(out), "judgments": report.judgments, "lines": report.lines}
        | {"left_out": report.left_out},
        as_json,
        lambda: f"{out}: {report.lines} lines from {report.judgments} judgments",
    )
