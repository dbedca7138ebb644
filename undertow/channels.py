"""How alerts leave: a webhook that takes JSON, and mail. A channel tries once and says in one sentence why it was not taken.

When to tell, and what again, belongs to ``undertow.incidents``. No sentence of this module holds an address or a password.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Any, Protocol

from pydantic import SecretStr

from undertow.settings import Settings

__all__ = ["Channel", "Mail", "Webhook", "channels"]


class Channel(Protocol):
    """Where alerts go."""

    @property
    def name(self) -> str:
        """What the log of incidents calls it."""
        ...

    def tell(self, alert: Mapping[str, Any]) -> str | None:
        """Send an alert once; return None where it was taken, else one sentence that says why not."""
        ...


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that the settings name."""
    found: list[Channel] = []
    if settings.alert_webhook is not None:
        found.append(Webhook(settings.alert_webhook))
    if settings.alert_email is not None:
        to = tuple(address.strip() for address in settings.alert_email.split(","))
        found.append(
            Mail(
                to,
                settings.alert_email_from or to[0],
                settings.smtp_host,
                settings.smtp_port,
                settings.smtp_security,
                settings.smtp_user,
                settings.smtp_password,
            )
        )
    return found


@dataclass(frozen=True)
class Webhook:
    """An address that takes a POST of JSON; redirects are not followed. The address is a secret."""

    address: SecretStr
    timeout: float = 10.0
    name: str = "webhook"

    def tell(self, alert: Mapping[str, Any]) -> str | None:
        """Post an alert as JSON."""
        import httpx

        from undertow.http import quieten

        quieten()  # they would write the address
        try:
            answer = httpx.post(self.address.get_secret_value(), json=dict(alert), timeout=self.timeout, follow_redirects=False)
        except httpx.TimeoutException:
            return f"the alert was not taken: the webhook gave no answer within {self.timeout:g} seconds"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return f"the alert was not taken: the webhook cannot be reached ({type(error).__name__})"
        return None if answer.is_success else f"the alert was not taken: the webhook answered {answer.status_code}"


@dataclass(frozen=True)
class Mail:
    """A mail server. ``security`` is ``starttls``, ``tls`` or ``none``; its certificate is checked as browsers do."""

    to: tuple[str, ...]
    sender: str
    host: str
    port: int
    security: str = "starttls"
    user: str | None = None
    password: SecretStr | None = field(default=None, repr=False)
    timeout: float = 10.0
    context: ssl.SSLContext | None = field(default=None, repr=False)
    name: str = "mail"

    def tell(self, alert: Mapping[str, Any]) -> str | None:
        """Send an alert as a mail of plain text."""
        message = self._message(alert)
        try:
            with self._server() as server:
                if self.user is not None and self.password is not None:
                    server.login(self.user, self.password.get_secret_value())
                refused = server.send_message(message, self.sender, list(self.to))
        except TimeoutError:
            return f"the alert was not taken: the mail server gave no answer within {self.timeout:g} seconds"
        except smtplib.SMTPAuthenticationError as error:
            return f"the alert was not taken: the mail server does not take UNDERTOW_SMTP_USER ({error.smtp_code})"
        except smtplib.SMTPServerDisconnected:  # also where it says nothing at all
            return f"the alert was not taken: the mail server gave no answer within {self.timeout:g} seconds, or hung up"
        except smtplib.SMTPResponseException as error:
            return f"the alert was not taken: the mail server answered {error.smtp_code}"
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return f"the alert was not taken: the mail server cannot be used ({type(error).__name__})"
        return f"the alert was not taken for {len(refused)} of {len(self.to)} addresses" if refused else None

    def _server(self) -> smtplib.SMTP:
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=self._context())
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        if self.security == "starttls":
            try:
                server.starttls(context=self._context())
            except BaseException:
                server.close()
                raise
        return server

    def _context(self) -> ssl.SSLContext:
        return self.context or ssl.create_default_context()

    def _message(self, alert: Mapping[str, Any]) -> EmailMessage:
        message = EmailMessage()
        subject = " ".join(str(alert["text"]).split())
        message["Subject"] = subject if len(subject) <= 120 else f"{subject[:117]}..."
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = make_msgid(domain="undertow.invalid")
        message["Auto-Submitted"] = "auto-generated"  # nobody on holiday answers it
        lines = [f"At {alert['at']}:", ""]
        for one in alert["incidents"]:
            lines += [f"- {one['says']}", f"  key: {one['key']}", f"  runbook: {one['runbook']}", ""]
        for one in alert["closed"]:
            lines += [f"- over: {one['says']}", f"  key: {one['key']}", f"  outcome: {one['outcome']}", ""]
        lines.append("Open incidents: undertow quality")
        message.set_content("\n".join(lines) + "\n")
        return message
