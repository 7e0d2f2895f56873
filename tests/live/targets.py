"""Where a driver connects to, and as whom."""

import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A login: the authentication plugin it tries, or in a few words what is special about it."""

    plugin: str
    user: str
    password: str
    needs: str = ""
    """`tls`: the server lets it in only over TLS. `one host`: how the server refuses it is random for each host."""


@dataclass(frozen=True)
class Target:
    """An address, TLS to be verified against `ca` or none, and the schema; a `socket` is used instead of the port."""

    host: str
    port: int
    schema: str
    socket: str | None = None
    ca: str | None = None
    checks_name: bool = True


def client_context(target: Target) -> ssl.SSLContext | None:
    """What a driver which takes an SSLContext is given: None for plain text."""
    if target.ca is None:
        return None
    context = ssl.create_default_context(cafile=target.ca)
    context.check_hostname = target.checks_name
    if not target.checks_name:
        # The certificates that MySQL makes by itself lack the extensions which strict checks ask for.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
