"""People: accounts with their roles, and the rules of the workspace."""

import streamlit as st

from app.store import store, user
from app.widgets.page import NOTICE, heading, mendable
from app.widgets.text import key_of, plain, when
from curation import people
from curation.errors import CurationError
from curation.people import REGISTRATION, ROLES, SHORTEST_PASSWORD, TWO_PERSON
from db.people import Account

_SHOWN = "password_shown"  # the account, and a password that is shown once

opened = store()
me = user()


def first_form() -> None:
    """Draw the form that ends the single-user mode."""
    with st.container(border=True):
        st.markdown("**Single-user mode** :gray[nobody signs in, and everything is allowed]")
        st.caption(
            "The first account is an admin's, with every role. From then on everybody must sign "
            "in, you too: the next page is the sign-in. If the password is lost, `rankdesk people "
            "password` on the server gives another."
        )
        with st.form("first-account", border=False):
            name = st.text_input("Name", value=me, key="first-name", autocomplete="username")
            new = st.text_input(
                f"Password, at least {SHORTEST_PASSWORD} characters",
                type="password",
                key="first-password",
                autocomplete="new-password",
            )
            again = st.text_input(
                "Password again", type="password", key="first-again", autocomplete="new-password"
            )
            asked = st.form_submit_button("Make the account", type="primary", key="first-add")
        if asked:
            with mendable():
                if new != again:
                    raise CurationError("The two passwords differ: type them again.")
                people.add(opened, name or "", roles=list(ROLES), password=new or "", added_by=me)
                st.rerun()


def add_form() -> None:
    """Draw the form that adds an account."""
    with (
        st.expander("Add an account", icon=":material/person_add:"),
        st.form("add-account", border=False, clear_on_submit=True),
    ):
        left, right = st.columns(2)
        name = left.text_input("Name", key="add-name", help="Verdicts and approvals carry it.")
        email = right.text_input(
            "E-mail, for a sign-in by OIDC", key="add-email", placeholder="optional"
        )
        roles = st.multiselect("Roles", list(ROLES), default=["annotator"], key="add-roles")
        st.caption(" · ".join(f"**{role}** {text}" for role, text in ROLES.items()))
        by_password = st.checkbox("Signs in by password, too", value=True, key="add-by-password")
        asked = st.form_submit_button("Add", type="primary", key="add")
    if asked:
        with mendable():
            password = people.new_password() if by_password else None
            added = people.add(
                opened,
                name or "",
                roles=roles,
                email=email or None,
                password=password,
                temporary=True,
                added_by=me,
            )
            st.session_state[NOTICE] = f"{added} is added."
            if password:
                st.session_state[_SHOWN] = (added, password)
            st.rerun()


def shown_once() -> None:
    """Draw a password that was just made; the next click takes it away."""
    if _SHOWN not in st.session_state:
        return
    name, password = st.session_state.pop(_SHOWN)
    with st.container(border=True):
        st.markdown(
            f"The password of **{plain(name)}**, shown this once. It must be changed at the first "
            "sign-in."
        )
        st.code(password, language=None)


def one(account: Account) -> None:
    """Draw an account with what can be done about it."""
    key = key_of(account.account)
    state = "" if account.active else " :red-badge[disabled]"
    state += " :orange-badge[password to be changed]" if account.temporary else ""
    ways = [
        *(["password"] if account.has_password else []),
        *([plain(account.email)] if account.email else []),
    ]
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(account.account)}**{state} :gray[· {', '.join(ways)} · last seen "
                f"{when(account.last_seen)}]",
                width="stretch",
            )
            st.button(
                "Disable" if account.active else "Enable",
                key=f"active-{key}",
                icon=":material/block:" if account.active else ":material/check:",
                on_click=act,
                args=("active", account.account, not account.active),
            )
            st.button(
                "Reset password",
                key=f"reset-{key}",
                icon=":material/lock_reset:",
                on_click=act,
                args=("reset", account.account, None),
                help="Makes a new one, shown once; all sessions of the account end.",
            )
        # The saved roles are part of the key, so that another admin's change is shown.
        with st.form(f"roles-{key}-{key_of(*account.roles, account.email)}", border=False):
            left, middle, right = st.columns([4, 3, 1], vertical_alignment="bottom")
            roles = left.multiselect("Roles", list(ROLES), default=account.roles)
            email = middle.text_input("E-mail, for OIDC", value=account.email or "")
            saved = right.form_submit_button("Save", key=f"save-{key}", width="stretch")
    if saved:
        with mendable():
            if set(roles) != set(account.roles):
                people.set_roles(opened, account.account, roles, changed_by=me)
            if (email or "").strip().lower() != (account.email or ""):
                people.set_email(opened, account.account, email, changed_by=me)
            st.session_state[NOTICE] = f"{account.account} is changed."
            st.rerun()


def act(what: str, name: str, value: bool | None) -> None:
    """Do what a button says; what is wrong with it is shown on the page."""
    try:
        if what == "active":
            people.set_active(opened, name, bool(value), changed_by=me)
        else:
            st.session_state[_SHOWN] = (name, people.reset_password(opened, name, changed_by=me))
    except CurationError as error:
        st.session_state["people_problem"] = error


def rules() -> None:
    """Draw the workspace's settings."""
    with st.container(border=True):
        st.markdown("**Rules**")
        st.toggle(
            "Two-person rule: a batch is approved by somebody else than who judged it",
            value=people.two_person(opened),
            key="two-person",
            on_change=switch,
            args=(TWO_PERSON, "two-person"),
            help="Approving is refused to whoever judged an item of the batch alone.",
        )
        st.toggle(
            "A first sign-in by OIDC makes an account, with the role annotator",
            value=people.open_registration(opened),
            key="registration",
            on_change=switch,
            args=(REGISTRATION, "registration"),
            help="Off: only addresses that an admin entered can sign in.",
        )


def switch(setting: str, key: str) -> None:
    """Take a rule's new value."""
    try:
        people.set_setting(opened, setting, bool(st.session_state[key]), set_by=me)
    except CurationError as error:
        st.session_state["people_problem"] = error


heading("People", "Who works here, and what each may do. Nobody's history is ever removed.")
if problem := st.session_state.pop("people_problem", None):
    with mendable():
        raise problem
accounts = people.list_people(opened, asked_by=me)
if not accounts:
    first_form()
else:
    shown_once()
    add_form()
    for account in accounts:
        one(account)
rules()
