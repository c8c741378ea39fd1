"""Where the audit's rows come from: a SELECT for each log that the workspace keeps.

To add a source, add an entry to `SOURCES`: a SELECT of the columns of `COLUMNS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

COLUMNS = ("happened_at", "actor", "kind", "subject", "item_id", "before", "after", "note", "id")
"""Of every SELECT, in this order: UTC; who; one of the source's kinds; what it was done to, for
people; the item, or NULL; the value before and after, '' for none; anything said; an id that tells
two rows of one time apart."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a part of the audit comes from.

    Attributes:
        kinds: What its rows may be, with a name for people.
        select: Its rows.
        by_item: Where one row is about many items, the same rows once for each item.
        before: For a long table, what gives `before` for the rows on a page alone, instead of a
            window over them all: a SELECT of id and before for the ids in `$ids`.
    """

    kinds: Mapping[str, str]
    select: str
    by_item: str | None = None
    before: str | None = None


_BATCH_OF_ITEM = "JOIN batch_items i USING (batch_id)"


def _batches(item: str, join: str) -> str:
    return f"""
    SELECT created_at, created_by, 'batch', name, {item}, '', 'made',
           'cut ' || printf('%.2f', cut), batch_id FROM batches {join}
    """  # noqa: S608 - constants


def _approvals(item: str, join: str) -> str:
    return f"""
    SELECT approved_at, approved_by, 'approval', b.name, {item}, 'made by ' || b.created_by,
           'snapshot ' || s.snapshot_id,
           s.n_items || ' items' || coalesce(
               '; ' || len(q.left_out) || ' quarantined left out, ' || len(q.kept) || ' kept '
               || q.reason, ''), batch_id
    FROM snapshots s JOIN batches b USING (batch_id)
    LEFT JOIN batch_quarantines q USING (batch_id) {join}
    """  # noqa: S608 - constants


def _imports(item: str, join: str) -> str:
    return f"""
    SELECT m.finished_at, coalesce(m.imported_by, ''), 'import', m.name, {item}, '',
           m.imported || ' items', m.kind || '; ' || m.unchanged || ' known, ' || m.rejected
           || ' rows refused', m.import_id FROM imports m {join}
    """  # noqa: S608 - constants


def _jobs(item: str, join: str) -> str:
    return f"""
    SELECT j.created_at, j.created_by, 'job', j.name, {item}, '', 'started ' || j.kind,
           coalesce('snapshot ' || j.snapshot_id, ''), j.job_id FROM jobs j {join}
    """  # noqa: S608 - constants


SOURCES = (
    Source(
        {"verdict": "Verdict", "undo": "Undo", "reveal": "Reveal"},
        """
        SELECT judged_at, reviewer,
               CASE kind WHEN 'judge' THEN 'verdict' ELSE kind END, left(item_id, 12), item_id,
               '', CASE kind WHEN 'judge' THEN verdict
                             WHEN 'reveal' THEN len(relevant_docids) || ' marked' ELSE '' END,
               concat_ws('; ', nullif(array_to_string(reasons, ', '), ''), nullif(note, '')),
               event_id
        FROM judgment_events
        WHERE event_id NOT IN (SELECT event_id FROM adjudications)
        """,
        before="""
        SELECT e.event_id AS id, arg_max(p.verdict, p.seq) AS before
        FROM judgment_events e
        JOIN judgment_events p ON p.item_id = e.item_id AND p.kind = 'judge'
            AND ((e.kind = 'judge' AND p.reviewer = e.reviewer AND p.seq < e.seq)
                 OR (e.kind = 'undo' AND p.event_id = e.undoes))
        WHERE e.event_id IN (SELECT unnest($ids::VARCHAR[]))
        GROUP BY 1
        """,
    ),
    Source(
        {"adjudication": "Adjudication"},
        """
        SELECT e.judged_at, e.reviewer, 'adjudication', left(e.item_id, 12), e.item_id,
               '', e.verdict, concat_ws('; ', replace(a.cause, '_', ' '), nullif(e.note, '')),
               e.event_id
        FROM adjudications a JOIN judgment_events e USING (event_id)
        """,
        before="""
        SELECT a.event_id AS id, string_agg(o.verdict, ', ' ORDER BY o.seq) AS before
        FROM (SELECT event_id, unnest(over) AS judged FROM adjudications
              WHERE event_id IN (SELECT unnest($ids::VARCHAR[]))) a
        JOIN judgment_events o ON o.event_id = a.judged
        GROUP BY 1
        """,
    ),
    Source(
        {"quarantine": "Quarantine decision"},
        """
        SELECT decided_at, decided_by, 'quarantine', qid, item_id,
               coalesce(lag(decision) OVER (PARTITION BY item_id, benchmark_id, qid ORDER BY seq),
                        ''), decision, reason, seq::VARCHAR
        FROM quarantine_events
        """,
    ),
    Source(
        {"scan": "Comparison with a benchmark"},
        """
        SELECT scanned_at, scanned_by, 'scan', coalesce(b.name, s.benchmark_id), NULL, '',
               'compared', 'cuts ' || words_cut || ' words, ' || meaning_cut || ' meaning; '
               || s.n_items || ' items', scan_id
        FROM contamination_scans s LEFT JOIN benchmarks b USING (benchmark_id)
        """,
    ),
    Source(
        {"return": "Sent back to review"},
        """
        SELECT returned_at, returned_by, 'return', qid, item_id, '', reason, detail, return_id
        FROM returned_items
        """,
    ),
    Source(
        {"claim": "Item in hand"},
        """
        SELECT happened_at, reviewer, 'claim', left(item_id, 12), item_id, '', kind,
               coalesce('until ' || strftime(until, '%H:%M:%S'), ''), seq::VARCHAR
        FROM queue_events WHERE kind <> 'renew'
        """,
    ),
    Source(
        {"gold": "Gold item"},
        """
        SELECT set_at, set_by, 'gold', left(item_id, 12), item_id,
               coalesce(lag(kind) OVER (PARTITION BY item_id ORDER BY seq), ''), kind,
               coalesce(verdict, ''), seq::VARCHAR
        FROM gold_events
        """,
    ),
    Source(
        {"policy": "Queue policy"},
        """
        SELECT saved_at, saved_by, 'policy', 'queue', NULL,
               coalesce(lag(settings::VARCHAR) OVER (ORDER BY policy_id), ''), settings::VARCHAR,
               note, policy_id
        FROM queue_policies
        """,
    ),
    Source(
        {"tag": "Tag"},
        """
        SELECT tagged_at, tagged_by, 'tag', tag, item_id, '', kind, '', seq::VARCHAR FROM tag_events
        """,
    ),
    Source(
        {"assignment": "Assignment"},
        """
        SELECT assigned_at, assigned_by, 'assignment', left(item_id, 12), item_id,
               coalesce(lag(assignee) OVER (PARTITION BY item_id ORDER BY seq), ''),
               coalesce(assignee, 'nobody'), '', seq::VARCHAR
        FROM assignment_events
        """,
    ),
    Source(
        {"comment": "Comment", "flag": "Flag"},
        """
        SELECT done_at, done_by, 'comment', left(item_id, 12), item_id, '',
               if(kind = 'add', 'said', 'deleted'), text, seq::VARCHAR
        FROM comment_events
        UNION ALL
        SELECT done_at, done_by, 'flag', left(item_id, 12), item_id,
               if(kind = 'raise', '', 'open'), if(kind = 'raise', 'open', 'resolved'), text,
               seq::VARCHAR
        FROM flag_events
        """,
    ),
    Source(
        {"campaign": "Campaign", "guideline": "Guidelines published"},
        """
        SELECT done_at, done_by, 'campaign', name, NULL,
               coalesce(lag(said) OVER (PARTITION BY campaign_id ORDER BY seq), ''), said, kind,
               seq::VARCHAR
        FROM (SELECT *, goal || ' items' || coalesce(' by ' || due_on, '') || ', guidelines '
                     || guideline || if(len(members) = 0, '', ', for '
                     || array_to_string(members, ', ')) || ', ' || filter AS said
              FROM campaign_events)
        UNION ALL
        SELECT published_at, published_by, 'guideline', name, NULL,
               if(version = 1, '', 'v' || (version - 1)), 'v' || version, note,
               name || ' v' || version
        FROM guideline_versions
        """,
    ),
    Source(
        {"view": "Saved view"},
        """
        SELECT saved_at, saved_by, 'view', name, NULL, '', if(fields IS NULL, 'dropped', 'saved'),
               '', name || epoch_us(saved_at)
        FROM saved_views
        """,
    ),
    Source(
        {"token": "API token", "webhook": "Webhook"},
        """
        SELECT decided_at, decided_by, 'token', name, NULL, '', kind, '', 'token' || seq
        FROM api_token_events
        UNION ALL
        SELECT decided_at, decided_by, 'webhook', url, NULL, '', kind,
               array_to_string(events, ', '), 'webhook' || seq
        FROM webhook_events
        """,
    ),
    Source({"batch": "Batch made"}, _batches("NULL", ""), _batches("i.item_id", _BATCH_OF_ITEM)),
    Source(
        {"approval": "Batch approved"},
        _approvals("NULL", ""),
        # What was left out is not in the snapshot.
        _approvals("i.item_id", _BATCH_OF_ITEM)
        + "WHERE NOT list_contains(coalesce(q.left_out, []), i.item_id)",
    ),
    Source(
        {"import": "Import"},
        _imports("NULL", ""),
        _imports("i.item_id", "JOIN items i USING (import_id)"),
    ),
    Source(
        {"source": "Source added"},
        """
        SELECT added_at, coalesce(added_by, ''), 'source', name, NULL, '',
               n_queries || ' queries', kind, source_id FROM sources
        """,
    ),
    Source(
        {"benchmark": "Benchmark added"},
        """
        SELECT created_at, coalesce(added_by, ''), 'benchmark', name, NULL, '',
               n_queries || ' queries', '', benchmark_id FROM benchmarks
        """,
    ),
    Source(
        {"suite": "Suite changed"},
        """
        SELECT made_at, coalesce(made_by, ''), 'suite', name, NULL,
               coalesce(lag(shown) OVER (PARTITION BY name ORDER BY made_at), ''), shown, '', name
        FROM (SELECT *, (SELECT coalesce(string_agg(b.name, ', ' ORDER BY b.name), '')
                         FROM benchmarks b
                         WHERE list_contains(benchmark_ids, b.benchmark_id)) AS shown
              FROM suites)
        """,
    ),
    Source(
        {"baseline": "Baseline pinned"},
        """
        SELECT pinned_at, coalesce(pinned_by, ''), 'baseline', coalesce(b.name, p.benchmark_id),
               NULL, coalesce(lag(e.name) OVER (PARTITION BY p.benchmark_id ORDER BY pinned_at),
                              ''), coalesce(e.name, p.evaluation_id), '', p.evaluation_id
        FROM baseline_pins p LEFT JOIN benchmarks b USING (benchmark_id)
        LEFT JOIN evaluations e USING (evaluation_id)
        """,
    ),
    Source(
        {"job": "Job started"},
        _jobs("NULL", ""),
        _jobs(
            "i.item_id",
            "JOIN (SELECT DISTINCT snapshot_id, item_id FROM snapshots"
            " JOIN batch_items USING (batch_id)) i USING (snapshot_id)",
        ),
    ),
    Source(
        {
            "export": "Export",
            "stop": "Job stopped",
            "resume": "Job resumed",
            "prices": "Price changed",
            "prompt": "Prompt saved",
        },
        """
        SELECT done_at, done_by, action, coalesce(j.name, subject), NULL, before, after,
               CASE WHEN j.job_id IS NULL THEN '' ELSE 'job ' || j.job_id END, a.seq::VARCHAR
        FROM action_events a LEFT JOIN jobs j ON j.job_id = a.subject
        """,
    ),
    Source(
        {
            "add": "Account added",
            "roles": "Roles changed",
            "email": "E-mail changed",
            "disable": "Account disabled",
            "enable": "Account enabled",
            "password": "Password changed",
        },
        """
        SELECT changed_at, changed_by, change, account, NULL,
               CASE change
                   WHEN 'roles' THEN array_to_string(lag(roles) OVER past, ', ')
                   WHEN 'email' THEN coalesce(lag(email) OVER past, '')
                   WHEN 'disable' THEN if(lag(active) OVER past, 'active', 'disabled')
                   WHEN 'enable' THEN if(lag(active) OVER past, 'active', 'disabled')
                   ELSE '' END,
               CASE change
                   WHEN 'add' THEN array_to_string(roles, ', ')
                   WHEN 'roles' THEN array_to_string(roles, ', ')
                   WHEN 'email' THEN coalesce(email, '')
                   WHEN 'disable' THEN 'disabled'
                   WHEN 'enable' THEN 'active'
                   ELSE '' END,
               CASE change WHEN 'add' THEN coalesce(email, '') ELSE '' END, seq::VARCHAR
        FROM account_events WINDOW past AS (PARTITION BY account ORDER BY seq)
        """,
    ),
    Source(
        {"in": "Signed in", "out": "Signed out", "failed": "Sign-in failed"},
        """
        SELECT happened_at, account, kind, account, NULL, '', '', 'from ' || address, seq::VARCHAR
        FROM sign_in_events
        """,
    ),
    Source(
        {"setting": "Setting changed"},
        """
        SELECT set_at, set_by, 'setting', name, NULL,
               coalesce(lag(value) OVER (PARTITION BY name ORDER BY seq), ''), value, '',
               seq::VARCHAR
        FROM setting_events
        """,
    ),
)
