import re
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from keys import access
from keys.models import VirtualKey

pytestmark = pytest.mark.django_db


def issued(*arguments):
    out, err = StringIO(), StringIO()
    call_command("issue_key", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_secret_stands_alone_on_stdout():
    out, err = issued("--name", "team")
    assert re.fullmatch(r"dgm_[0-9A-Za-z]{49}\n", out)
    assert out.strip() not in err
    assert access.identify(f"Bearer {out.strip()}", None).name == "team"


def test_models_and_expiry_are_kept():
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    issued("--name", "team", "--models", "openai/*, gpt-5,", "--expires", tomorrow.isoformat())
    key = VirtualKey.objects.get(name="team")
    assert key.models == ["openai/*", "gpt-5"]
    assert key.expires_at.date() == tomorrow
    assert key.expires_at.hour == 23


@pytest.mark.parametrize("expires", ["2001-01-01", "soon", "2027-13-01", "2027-02-30"])
def test_a_date_that_is_none_or_past_is_refused(expires):
    with pytest.raises(CommandError, match="--expires"):
        issued("--name", "team", "--expires", expires)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_a_key_needs_a_name(name):
    with pytest.raises(CommandError, match="--name"):
        issued("--name", name)
