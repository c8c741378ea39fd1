"""What a browser session runs: the navigation, and the page that was chosen."""

import streamlit as st
from streamlit.navigation.page import Page

from app import gate
from app.store import REVIEWER, create_workspace, default_user, may, store
from app.widgets.page import PAGE_ROLES, show_error
from app.widgets.text import plain
from db.errors import RankDeskError, WorkspaceMissingError
from db.workspace import Workspace

PAGES = {
    "Data": [
        ("overview", "Overview", "home", "What is here, how far the loop is, and importing."),
        ("sources", "Sources", "database", "Queries with answers, and passages to search."),
        ("generate", "Generate", "edit_note", "A teacher labels a source: chains, orders, labels."),
        ("teachers", "Teachers", "school", "Which teacher, which prompt is better for the money."),
        ("consistency", "Consistency", "query_stats", "Where the teacher contradicts itself."),
        ("samples", "Samples", "stacks", "Several chains and orders of one item, side by side."),
        ("decontamination", "Decontamination", "policy", "Items that ask a test query, kept out."),
    ],
    "Curate": [
        ("queue_desk", "Queue", "low_priority", "What is looked at first, why, and by how many."),
        ("review", "Review", "rate_review", "Judge the teacher's rankings, one key each."),
        ("table", "Table", "table_rows", "Search all items, and decide on many at once."),
        ("campaigns", "Campaigns", "sprint", "A goal, its items, how far it is and when done."),
        ("guidelines", "Guidelines", "menu_book", "What reviewers go by, in versions."),
        ("disagreements", "Disagreements", "balance", "Who agrees with whom, and on what not."),
        ("adjudicate", "Adjudicate", "gavel", "The last word where people do not agree."),
        ("my_work", "My work", "person_check", "What you decided, and how it compares."),
        ("batches", "Batches", "inventory_2", "Choose reviewed items, approve, export."),
    ],
    "Train": [
        ("new_job", "New job", "play_circle", "SFT or GRPO from an approved snapshot."),
        ("jobs", "Jobs", "monitoring", "What runs now, and what ran."),
        ("checkpoints", "Checkpoints", "deployed_code", "Trained models and where they come from."),
        ("lineage", "Lineage", "account_tree", "What led to what, and two snapshots compared."),
    ],
    "Evaluate": [
        ("benchmarks", "Benchmarks", "quiz", "Queries, passages, labels and a first stage."),
        ("evaluations", "Evaluations", "query_stats", "Measured gains, with their uncertainty."),
        ("leaderboard", "Leaderboard", "leaderboard", "Several benchmarks, beside the published."),
        ("compare", "Compare", "compare", "Every pair tested, quality over cost, breakdowns."),
        ("reasoning", "Does reasoning help?", "psychology", "One checkpoint, with and without."),
        ("queries", "Queries", "difference", "Two evaluations, query by query."),
        ("playground", "Playground", "joystick", "A query and passages, ranked while you watch."),
        ("reward", "Reward sandbox", "science", "What a response earns in GRPO, part by part."),
    ],
    "Admin": [
        ("people", "People", "group", "Accounts, roles, and the two-person rule."),
        ("audit", "Audit", "history", "Who did what, when, from which value to which."),
        ("integrations", "Integrations", "webhook", "Tokens of the API, and webhooks."),
    ],
}


def no_workspace(error: WorkspaceMissingError) -> None:
    """Offer to make a workspace where there is none."""
    st.title("Welcome to RankDesk", anchor=False)
    st.markdown(
        "The desk between a teacher model and a trained reranker: look at what the teacher wrote, "
        "keep what is good, train on exactly that, and see per query what it bought."
    )
    with st.container(border=True):
        st.markdown(f"**No workspace yet**  \n{plain(error)}")
        if st.button("Make an empty workspace here", type="primary", icon=":material/add:"):
            create_workspace()
            st.rerun()
        st.caption(
            "`rankdesk init --demo` makes one with generated data, a simulated teacher's labels, a "
            "benchmark and a tiny model, to try the whole loop on."
        )


def look() -> None:
    """Set what every page shares."""
    st.set_page_config(page_title="RankDesk", page_icon=":material/swap_vert:", layout="wide")
    # The rules of our own: a window of 1280 pixels needs its sides for text, and on the dark look's
    # primary color white is too faint to be read (2.9 : 1).
    st.html(
        """<style>
        [data-testid^="stBaseButton-primary"]:enabled,
        [data-testid="stMultiSelectTagsContainer"] span {
            color: light-dark(#ffffff, #12141c);
        }
        [data-testid="stMainBlockContainer"], [data-testid="stBottomBlockContainer"] {
            padding-left: 2.5rem; padding-right: 2.5rem;
        }
        [data-testid="stBottomBlockContainer"] { padding-top: 0.25rem; padding-bottom: 1rem; }
        </style>"""
    )


def page(name: str, title: str, icon: str, text: str) -> Page:
    """Return a page's entry, made once a session: making one looks for the page's file."""
    made: dict[str, Page] = st.session_state.setdefault("pages", {})
    if name not in made:
        made[name] = st.Page(
            f"views/{name}.py",
            title=title,
            icon=f":material/{icon}:",
            help=text,
            default=name == "overview",
        )
    return made[name]


def navigation(*, hidden: bool = False) -> Page:
    """Return the page that the address names, of those that this session may see."""
    return st.navigation(
        {
            section: [page(*entry) for entry in pages if may(*PAGE_ROLES.get(entry[0], ()))]
            for section, pages in PAGES.items()
        },
        expanded=True,
        position="hidden" if hidden else "sidebar",
    )


def main() -> None:
    """Draw the navigation and the chosen page, once it is known who is looking."""
    look()
    try:
        opened = store()
        gate.check_exposure(opened)
    except WorkspaceMissingError as error:
        if Workspace.locate().database.exists():
            show_error(error)  # there is one, but it cannot be read
            return
        try:
            gate.check_exposure(None)
        except RankDeskError as exposed:
            show_error(exposed)
            return
        no_workspace(error)
        return
    except RankDeskError as error:
        show_error(error)
        return
    person = gate.enter(opened)
    if person is None and gate.asks(opened):
        navigation(hidden=True)  # the address stays, for after the sign-in
        gate.sign_in_page(opened)
        return
    if person is not None and person.temporary:
        navigation(hidden=True)
        gate.password_page(opened, person)
        return
    chosen = navigation()
    with st.sidebar:
        if person is not None:
            gate.sidebar(opened, person)
        else:
            st.text_input(
                "Your name",
                value=default_user(),
                placeholder=default_user(),
                key=REVIEWER,
                bind="query-params",
                help="Verdicts, batches and approvals carry it.",
            )
        root = opened.workspace.root
        st.caption(f"Workspace {plain(root.name)}", help=plain(root))
    try:
        chosen.run()
    except RankDeskError as error:
        show_error(error)


main()
