"""Who is looking: nobody in particular on one's own machine, or whoever signed in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import streamlit as st

from app import cookie
from app.store import ACTOR, MAY
from app.widgets.page import mendable
from app.widgets.text import plain
from curation import signing_in
from curation.errors import CurationError
from curation.people import SHORTEST_PASSWORD
from curation.signing_in import SignedIn
from db import people
from db.store import Store

_TOKEN = "session_token"
_TICKET = "session_ticket"
_LOOK = timedelta(seconds=20)


class ExposedError(CurationError):
    """The server can be reached by others, and would let all of them do everything."""


def check_exposure(store: Store | None) -> None:
    """Refuse to serve others than this machine as long as nobody has to sign in.

    Args:
        store: None where there is no workspace yet.

    Raises:
        ExposedError: If the server is bound to more than loopback without accounts or OIDC.
    """
    address = st.get_option("server.address")
    if _is_loopback(address) or has_oidc() or (store and people.any_accounts(store)):
        return
    raise ExposedError(
        f"This server listens on {address or 'every address'}, and the workspace has no accounts: "
        "everybody who reaches it could do everything. Stop it, make an account with `rankdesk "
        "people add NAME --role admin`, or set up OIDC in Streamlit's secrets, and start it again. "
        "Or start it with `--server.address 127.0.0.1`."
    )


def _is_loopback(address: str | None) -> bool:
    if address == "localhost":
        return True
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False


def has_oidc() -> bool:
    """Return whether `[auth]` stands in Streamlit's secrets."""
    return "is_logged_in" in st.user


def _providers() -> list[str | None]:
    """Return the names of the identity providers; None stands for the one without a name."""
    if not has_oidc():
        return []
    found = st.secrets["auth"]
    named = [name for name in found if isinstance(found[name], Mapping)]
    return [*([None] if "client_id" in found else []), *named]


def enter(store: Store) -> SignedIn | None:
    """Note who acts in this session; None where the page must ask for a sign-in first.

    Returns:
        Who signed in; a workspace without accounts has nobody to, see `asks`.
    """
    st.session_state.pop(ACTOR, None)
    st.session_state.pop(MAY, None)
    token = st.session_state.get(_TOKEN) or st.context.cookies.get(cookie.name())
    person = signing_in.whose(store, token) if isinstance(token, str) else None
    if person is None:
        token = _by_oidc(store)
        person = signing_in.whose(store, token) if token else None
    if person is None or token is None:
        st.session_state.pop(_TOKEN, None)
        return None
    st.session_state[_TOKEN] = token
    if not person.temporary:
        st.session_state[ACTOR] = person.actor
        st.session_state[MAY] = frozenset(person.roles)
    if (ticket := st.session_state.get(_TICKET)) and not cookie.deliver(ticket):
        del st.session_state[_TICKET]
    return person


def asks(store: Store) -> bool:
    """Return whether one has to sign in."""
    return people.any_accounts(store) or has_oidc()


def _by_oidc(store: Store) -> str | None:
    """Return the token of a session that an identity provider vouches for; None without one."""
    user: Any = st.user
    if not has_oidc() or not user.is_logged_in:
        return None
    with mendable():
        email, verified = user.get("email"), user.get("email_verified", True)
        if not email or str(verified).lower() != "true":
            raise signing_in.SignInError("The identity provider names no verified e-mail address.")
        issued = datetime.fromtimestamp(float(user.get("iat") or 0), UTC)
        token = signing_in.sign_in_by_email(store, str(email), address=address(), issued_at=issued)
        _keep(token)
        return token
    return None


def address() -> str:
    """Return where this session's browser is, as far as the server knows."""
    found = st.context.ip_address
    return found if isinstance(found, str) else "this machine"


def sign_in_page(store: Store) -> None:
    """Draw the ways to sign in."""
    _, middle, _ = st.columns([1, 1, 1])
    with middle:
        st.title("Sign in to RankDesk", anchor=False)
        with st.form("sign-in"):
            name = st.text_input("Name", key="sign-in-name", autocomplete="username")
            password = st.text_input(
                "Password", type="password", key="sign-in-password", autocomplete="current-password"
            )
            asked = st.form_submit_button(
                "Sign in", type="primary", icon=":material/login:", key="sign-in", width="stretch"
            )
        if asked:
            with mendable():
                token = signing_in.sign_in(store, name or "", password or "", address=address())
                _keep(token)
                st.rerun()
        for provider in _providers():
            with_it = f" with {plain(provider)}" if provider else ""
            if st.button(
                f"Sign in by OIDC{with_it}", icon=":material/key:", key=f"sign-in-oidc-{provider}"
            ):
                st.login(provider)
        st.caption("No account, or the password is lost? An admin of this workspace can help.")


def _keep(token: str) -> None:
    st.session_state[_TOKEN] = token
    st.session_state[_TICKET] = cookie.issue(token)


def password_page(store: Store, person: SignedIn) -> None:
    """Draw what must be done first: another password than the one that an admin gave."""
    _, middle, _ = st.columns([1, 1, 1])
    with middle:
        st.title("Choose a password", anchor=False)
        st.caption(f"An admin gave {plain(person.actor)} a password for the first time only.")
        password_form(store, person)


def password_form(store: Store, person: SignedIn) -> None:
    """Draw the change of one's own password."""
    with st.form("own-password", clear_on_submit=True, border=False):
        old = st.text_input(
            "Present password", type="password", key="old-password", autocomplete="current-password"
        )
        new = st.text_input(
            f"New password, at least {SHORTEST_PASSWORD} characters",
            type="password",
            key="new-password",
            autocomplete="new-password",
        )
        again = st.text_input(
            "New password again", type="password", key="again", autocomplete="new-password"
        )
        asked = st.form_submit_button("Change it", type="primary", key="change-password")
    if asked:
        with mendable():
            if new != again:
                raise CurationError("The two new passwords differ: type them again.")
            signing_in.change_password(store, person.actor, old or "", new or "", address=address())
            st.toast("The password is changed; your other sessions are ended.")
            if person.temporary:
                st.rerun()


def sidebar(store: Store, person: SignedIn) -> None:
    """Draw whose session it is, and the way out of it."""
    roles = ", ".join(person.roles) or "no role yet"
    with st.popover(plain(person.actor), icon=":material/account_circle:", width="stretch"):
        st.caption(f"Roles: {roles}")
        if person.has_password:
            with st.expander("Change password"):
                password_form(store, person)
        if st.button("Sign out", icon=":material/logout:", key="sign-out"):
            _sign_out(store)
    _stay(store)


@st.fragment(run_every=_LOOK)
def _stay(store: Store) -> None:
    """End what the page shows when the session ends elsewhere, without a click."""
    token = st.session_state.get(_TOKEN)
    if token is None or signing_in.whose(store, token, use=False) is None:
        st.rerun()


def _sign_out(store: Store) -> None:
    signing_in.sign_out(store, st.session_state[_TOKEN], address=address())
    for key in (_TOKEN, _TICKET, ACTOR, MAY):
        st.session_state.pop(key, None)
    if has_oidc() and st.user.is_logged_in:
        st.logout()
    st.rerun()
