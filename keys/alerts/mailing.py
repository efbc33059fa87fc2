"""An alert as an e-mail, through Django's mail settings."""

from __future__ import annotations

from smtplib import SMTPException, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage

from keys.alerts.channels import NotDelivered
from keys.alerts.notices import Notice, subject, text


def send(address: str, notice: Notice) -> None:
    """One message to `address`; its Message-ID (RFC 5322, 3.6.4) is the notice's, so that a second copy is known for
    one. Raises NotDelivered."""
    if not (address and settings.EMAIL_HOST):
        raise NotDelivered("no e-mail address, or no mail server, any more")
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    headers = {"Message-ID": f"<{notice.id}@{domain}>", "Auto-Submitted": "auto-generated"}  # RFC 3834, 5
    try:
        EmailMessage(subject(notice), text(notice), to=[address], headers=headers).send()
    except SMTPResponseException as error:
        raise NotDelivered(f"the mail server said {error.smtp_code}") from None
    except (SMTPException, OSError, ValueError) as error:  # ValueError: a header that cannot be written
        raise NotDelivered(f"no mail could be sent: {type(error).__name__}") from None
