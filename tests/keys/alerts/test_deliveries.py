"""An alert gets through each channel once; what fails is tried again, later and later, and given up in plain sight."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from keys.alerts.deliveries import TRIES
from keys.models import AlertDelivery, Budget, VirtualKey
from tests.keys.alerts.conftest import ADDRESS, budget, later, round_of, used
from tests.loopback import Received, Upstream, answer, closed_port
from tests.mailbox import Mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def near(key: VirtualKey, receiver: Upstream, mailbox: Mailbox) -> Budget:
    """Used to 85 %, with both channels."""
    row = budget(key, alert_email=ADDRESS, alert_webhook=f"{receiver.url}/hook?to=ops")
    used(key, 85)
    return row


def delivery(channel: str = "webhook") -> AlertDelivery:
    return AlertDelivery.objects.get(channel=channel)


def verified(secret: str, call: Received) -> bool:
    """As a receiver does it: https://www.standardwebhooks.com/"""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    expected = "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return hmac.compare_digest(expected, call.headers["webhook-signature"])


def test_both_channels_are_told_once(near: Budget, receiver: Upstream, mailbox: Mailbox) -> None:
    assert round_of() == {"raised": 1, "sent": 2}
    later()
    assert round_of() == {}
    assert (receiver.count, mailbox.recipients) == (1, [ADDRESS])
    assert {delivery("email").state(), delivery().state()} == {"sent"}


def test_a_webhook_gets_the_figures_and_no_secret(near: Budget, receiver: Upstream) -> None:
    round_of()
    call = receiver.calls[0]
    said = call.json()
    assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/hook?to=ops", "application/json")
    assert said["type"] == "budget.threshold_reached"
    assert said["data"]["owner"] == {"kind": "key", "id": near.key_id, "name": "mine"}
    figures = {name: said["data"][name] for name in ("unit", "period", "threshold_percent", "amount", "used")}
    assert figures == {"unit": "tokens", "period": "month", "threshold_percent": 80, "amount": "100", "used": "85"}
    assert near.key is not None
    for secret in (near.key.digest, near.key.last_four, ADDRESS):
        assert secret not in json.dumps([call.headers, said])


def test_its_signature_is_checked_with_the_secret_that_the_command_shows(
    near: Budget, receiver: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    round_of()
    call_command("webhook_secret", near.alert_webhook)
    assert verified(capsys.readouterr().out.strip(), receiver.calls[0])
    call_command("webhook_secret", f"{receiver.url}/another")
    assert not verified(capsys.readouterr().out.strip(), receiver.calls[0])


def test_the_mail_says_whose_budget_and_how_much(near: Budget, mailbox: Mailbox) -> None:
    round_of()
    mail = mailbox.mails[0]
    assert mail["Subject"] == "80 % of a budget used: mine"
    assert mail["From"] == "Dragoman <dragoman@example.com>"
    assert "The key mine has used 85 of 100 tokens a month" in mail.get_content()
    assert "Calls go on." in mail.get_content()


def test_a_name_with_a_line_break_makes_no_header_of_its_own(near: Budget, mailbox: Mailbox) -> None:
    assert near.key is not None
    near.key.name = "mine\r\nBcc: all@example.com"
    near.key.save()
    round_of()
    assert mailbox.mails[0]["Subject"] == "80 % of a budget used: mine Bcc: all@example.com"
    assert mailbox.mails[0]["Bcc"] is None


def test_one_that_failed_is_tried_again_under_its_id_and_the_other_is_left_alone(
    near: Budget, receiver: Upstream, mailbox: Mailbox
) -> None:
    receiver.then(answer(b"", 500))
    assert round_of() == {"raised": 1, "sent": 1, "failed": 1}
    assert (delivery().state(), delivery().fault) == ("failing", "the webhook answered 500")
    assert round_of() == {}  # it waits
    later()
    assert round_of() == {"sent": 1}
    assert (delivery().state(), delivery().attempts, delivery().fault) == ("sent", 2, "")
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert len(mailbox.mails) == 1


def test_a_mail_that_was_refused_is_tried_again_and_the_webhook_is_left_alone(
    near: Budget, receiver: Upstream, mailbox: Mailbox
) -> None:
    mailbox.refuse(450)
    assert round_of() == {"raised": 1, "sent": 1, "failed": 1}
    assert delivery("email").fault == "the mail server said 450"
    later()
    assert round_of() == {"sent": 1}
    assert (len(mailbox.mails), receiver.count) == (1, 1)


def test_it_is_tried_later_and_later_and_then_given_up_with_a_word_in_the_log(
    near: Budget, receiver: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.script(answer(b"", 503))
    waits: list[float] = []
    for _ in range(TRIES - 1):
        round_of()
        due = delivery().due_at
        assert due is not None
        waits.append(round((due - timezone.now()) / timedelta(minutes=1)))
        later()
    assert waits == [2, 4, 8, 16, 32, 64, 128]
    with caplog.at_level(logging.ERROR, "dragoman.alerts"):
        assert round_of() == {"given_up": 1}
    assert (delivery().state(), receiver.count) == ("given up", TRIES)
    line = caplog.messages[-1]
    assert line == f"an alert did not get through by webhook: 80 % of budget {near.id} (the webhook answered 503)"
    later()
    assert round_of() == {}


def test_a_try_that_a_process_died_in_is_made_again_unless_it_was_the_last(near: Budget, receiver: Upstream) -> None:
    receiver.script(answer(b"", 503))
    round_of()
    later()
    AlertDelivery.objects.filter(channel="webhook").update(attempts=TRIES, fault="")
    assert round_of() == {"given_up": 1}
    assert receiver.count == 1
    assert delivery().fault == "the process ended in the last try"


def test_a_redirect_is_not_followed(near: Budget, receiver: Upstream) -> None:
    receiver.script(answer(b"", 302, [("location", f"{receiver.url}/elsewhere")]))
    round_of()
    assert "302" in delivery().fault
    assert [call.path for call in receiver.calls] == ["/hook?to=ops"]


def test_an_address_that_the_gate_refuses_is_never_called(near: Budget, receiver: Upstream, settings: Settings) -> None:
    settings.DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS = ()
    assert round_of()["failed"] == 1
    assert receiver.count == 0
    assert "DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS" in delivery().fault
    with pytest.raises(CommandError, match="DRAGOMAN_ALLOW_PRIVATE_UPSTREAMS"):
        call_command("webhook_secret", near.alert_webhook)


def test_a_fault_tells_neither_path_nor_query(near: Budget) -> None:
    near.alert_webhook = f"http://127.0.0.1:{closed_port()}/services/T0-secret?sig=s3cret"
    near.save()
    round_of()
    assert delivery().fault
    assert not {"T0-secret", "s3cret"} & set(delivery().fault.replace("/", " ").replace("=", " ").split())


def test_a_mail_server_that_is_away_is_a_failed_try(near: Budget, settings: Settings) -> None:
    settings.EMAIL_PORT = closed_port()
    round_of()
    assert delivery("email").fault == "no mail could be sent: ConnectionRefusedError"


def test_a_webhook_that_was_taken_off_meanwhile_is_not_called(near: Budget, receiver: Upstream) -> None:
    receiver.then(answer(b"", 500))
    round_of()
    Budget.objects.update(alert_webhook="")
    later()
    assert round_of() == {"failed": 1}
    assert (receiver.count, delivery().fault) == (1, "no webhook any more")


def test_without_a_mail_server_there_is_no_mail_and_the_log_says_so_once(
    near: Budget, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_HOST = ""
    assert near.key is not None
    with caplog.at_level(logging.WARNING, "dragoman.alerts"):
        assert round_of() == {"raised": 1, "sent": 1}
        used(near.key, 50)
        assert round_of() == {"raised": 1, "sent": 1}
    assert caplog.messages == ["no alert goes out by e-mail: DRAGOMAN_EMAIL_URL is not set"]
    assert not AlertDelivery.objects.filter(channel="email").exists()


def test_the_command_does_what_the_task_does(
    near: Budget, receiver: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("send_alerts")
    call_command("send_alerts")
    assert capsys.readouterr().out.splitlines() == ["raised: 1, sent: 2", "nothing to do"]
    assert receiver.count == 1
