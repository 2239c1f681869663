"""taskflow.email: sends one mail through the server of the setting `smtp_url`.

What comes from arguments ends up in headers and in the envelope, so it is checked more strictly
than the rules of mail ask for: plain addresses, and nothing that could begin another line.
"""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import unquote, urlsplit

from taskflow.context import Context
from taskflow.errors import ConfigurationError, InvalidArguments, TaskflowError
from taskflow.kernel.job import Options
from taskflow.kernel.retry import Retry
from taskflow.task import Task

if TYPE_CHECKING:
    from taskflow.app import Taskflow

MOST_RECIPIENTS = 50
MOST_TEXT = 1 << 20
TIMEOUT_S = 60
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_SENDER = re.compile(r"(?:([^<>,;\"\x00-\x1f\x7f]*)<([^<>]*)>|([^<>]*))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class MailRefused(TaskflowError):
    """The mail server refuses a mail for good: trying again would not help."""

    code = "TF188"


class Accepted(TypedDict):
    """What the server said; `refused` has the recipients that it did not take, and why."""

    message_id: str
    refused: dict[str, str]


RETRY = Retry(8, base="30s", cap="2h", give_up_on=(MailRefused, InvalidArguments))


def add_to(app: Taskflow) -> None:
    options = Options(max_attempts=RETRY.max_attempts)
    app.register(
        Task(app, email, name="taskflow.email", options=options, retry=RETRY, run_in="async")
    )


async def email(
    ctx: Context,
    to: list[str],
    subject: str,
    text: str,
    *,
    html: str | None = None,
    reply_to: str | None = None,
) -> Accepted:
    """Sends a mail from `mail_from` to at most 50 addresses, with a text and perhaps HTML.

    Its Message-ID is the same at each attempt: a mail that the server took just before the worker
    died comes twice, but as the same one.
    """
    message = compose(ctx, to, subject, text, html=html, reply_to=reply_to)
    server = server_of(ctx.app.settings.smtp_url)
    refused = await _send(message, server)
    return {"message_id": str(message["Message-ID"]), "refused": refused}


def compose(
    ctx: Context,
    to: list[str],
    subject: str,
    text: str,
    *,
    html: str | None = None,
    reply_to: str | None = None,
) -> EmailMessage:
    """The mail, if all of it may be sent. Raises `InvalidArguments`."""
    if not 1 <= len(to) <= MOST_RECIPIENTS:
        raise _bad("to", f"expected 1 to {MOST_RECIPIENTS} addresses")
    if len(text) > MOST_TEXT or len(html or "") > MOST_TEXT:
        raise _bad("text", f"expected at most {MOST_TEXT} characters")
    if _CONTROL.search(subject) or len(subject) > 500:
        raise _bad("subject", "expected one line of at most 500 characters")
    sender = _sender(ctx.app.settings.mail_from)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = [_address("to", one) for one in to]
    message["Subject"] = subject
    message["Message-ID"] = f"<{ctx.key}@{sender.domain}>"
    message["Date"] = ctx.run_at
    if reply_to is not None:
        message["Reply-To"] = _address("reply_to", reply_to)
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message


def server_of(url: str | None) -> dict[str, Any]:
    """What aiosmtplib takes for `smtp_url`. Raises `ConfigurationError`."""
    if url is None:
        raise ConfigurationError("smtp_url is not set", "Write smtp://user:password@host:587.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ConfigurationError("smtp_url is no smtp://host or smtps://host", "See the settings.")
    is_tls = parts.scheme == "smtps"
    return {
        "hostname": parts.hostname,
        "port": port or (465 if is_tls else 587),
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "use_tls": is_tls,
        # asked for, not merely taken when offered: who sits in between would not offer it
        "start_tls": not is_tls and parts.query != "starttls=no",
        "timeout": TIMEOUT_S,
    }


async def _send(message: EmailMessage, server: dict[str, Any]) -> dict[str, str]:
    try:
        import aiosmtplib
    except ImportError:
        raise ConfigurationError(
            "aiosmtplib is not installed, without which no mail can be sent",
            "pip install taskflow-pg[email]",
        ) from None
    try:
        refused, _ = await aiosmtplib.send(message, **server)
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        if all(code >= 500 for code in codes):
            raise MailRefused(f"all recipients are refused: {codes[0]}") from None
        raise
    except aiosmtplib.SMTPResponseException as error:
        if error.code >= 500:
            raise MailRefused(f"the server says {error.code} {error.message[:200]}") from None
        raise
    return {address: f"{told.code} {told.message[:200]}" for address, told in refused.items()}


def _sender(mail_from: str | None) -> Address:
    found = _SENDER.fullmatch(mail_from or "")
    name, address = ((found[1] or "").strip(), found[2] or found[3]) if found else ("", "")
    if not _ADDRESS.fullmatch(address):
        raise ConfigurationError(
            "mail_from is not set to one address", "Write a@example.com or Shop <a@example.com>."
        )
    user, _, domain = address.rpartition("@")
    return Address(name, user, domain)


def _address(field: str, text: str) -> Address:
    """A plain address: no name, no quotes, no route, in ASCII."""
    user, _, domain = text.rpartition("@")
    if not _ADDRESS.fullmatch(text) or user.startswith(".") or user.endswith(".") or ".." in user:
        raise _bad(field, f"{text[:100]!a} is not a plain address such as a@example.com")
    return Address("", user, domain)


def _bad(field: str, problem: str) -> InvalidArguments:
    return InvalidArguments.listing([(field, problem)], "")
