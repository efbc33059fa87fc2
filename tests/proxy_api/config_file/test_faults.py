"""What is wrong with a file, and where: nothing of it is then made so."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from keys.models import AuditEntry, VirtualKey
from tests.proxy_api.config_file.conftest import Apply

BUDGET = "{amount: 1, period: day}"
FAULTS = {
    "keys: [{name: a}, {name: b}, {name: c, budgets: [{amount: much}]}]": r"keys\[2\]\.budgets\[0\]\.amount: .*number",
    "keys: [{name: a, budgets: {amount: 1}}]": r"keys\[0\]\.budgets: A list",
    "keys: [{name: a, budgets: [5]}]": r"keys\[0\]\.budgets\[0\]: A budget is a mapping",
    "keys: [{name: a, budgets: [{amount: 1, project: b}]}]": r"keys\[0\]\.budgets\[0\]: ",
    "keys: {prune: true, entries: [{}]}": r"keys\.entries\[0\]\.name: This field is required",
    "keys: {prune: yes please, entries: []}": r"keys\.prune: true or false",
    "keys: {prune: true}": r"keys\.entries: A list",
    "keys: {prune: true, entries: [], colour: red}": r"keys\.colour: ",
    "keys: all": "keys: A section is a list",
    "keys: [ci]": r"keys\[0\]: An entry is a mapping",
    "keys: [{name: a, colour: red}]": r"keys\[0\]\.colour: Unknown parameter",
    "keys: [{name: a, id: x}]": r"keys\[0\]\.id: 'id' cannot be set",
    "keys: [{name: a}, {name: a}]": r"keys\[1\]: This key stands at keys\[0\] already",
    "keys: [{name: a, project: nobody}]": r"keys\[0\]\.project: There is no project nobody",
    "keys: [{name: a, models: [ok, 'b c']}]": r"keys\[0\]\.models: ",
    "keys: [{name: a, secret: x}]": r"keys\[0\]\.secret: A secret does not stand in the file",
    "colours: []": "colours: There is no such section: there are projects, ",
    "- keys": "The file is a mapping of sections",
    "": "The file is a mapping of sections",
    "keys: [": "This is no YAML: line 2, column 8",
    "keys: [{name: !!python/object/apply:os.getcwd []}]": "This is no YAML: line 2",
    "keys: [{name: a, expires_at: 2027-02-30}]": "This is no YAML: ",
    "credentials: [{name: a, provider: openai, secret: sk-literal-1234}]": (
        r"credentials\[0\]\.secret: A secret does not stand in the file: write \$\{NAME\}"
    ),
    "credentials: [{name: a, provider: openai, secret: '${NOT_SET}'}]": (
        r"credentials\[0\]\.secret: The environment has no NOT_SET"
    ),
    "credentials: [{name: a, provider: openai, secret: '${DRAGOMAN_MASTER_KEYS}'}]": (
        r"credentials\[0\]\.secret: DRAGOMAN_MASTER_KEYS is a secret of the installation"
    ),
    "credentials: [{name: a, provider: openai, secret: 'Bearer ${OPENAI_API_KEY}'}]": (
        r"credentials\[0\]\.secret: A secret does not stand in the file"
    ),
    "credentials: [{name: a, provider: openai}]": r"credentials\[0\]\.secret: This provider needs a secret",
    "limits: {requests_per_minute: 0}": r"limits\.requests_per_minute: ",
    "limits: [{requests_per_minute: 1}, {requests_per_minute: 2}]": "limits: One mapping",
    f"limits: {{budgets: [{BUDGET}, {{amount: -1, period: day}}]}}": r"limits\.budgets\[1\]\.amount: ",
    "aliases: [{name: a, targets: [nobody/x]}]": r"aliases\[0\]\.targets: ",
    "prices: [{provider: openai, model: a, input: -1, output: 1}]": r"prices\[0\]\.input: ",
}


@pytest.mark.parametrize("text", FAULTS)
def test_a_fault_is_told_with_its_place_and_nothing_is_made(apply: Apply, text: str) -> None:
    good = "aliases: [{name: smart, targets: [openai/gpt-4o]}]\n"
    before = VirtualKey.objects.count()
    with pytest.raises(CommandError, match=f"^{FAULTS[text]}") as caught:
        apply(text if text.startswith(("aliases", "-")) or not text else good + text)
    assert "sk-" not in str(caught.value)
    assert VirtualKey.objects.count() == before
    assert not AuditEntry.objects.exists()


def test_two_keys_of_one_name_are_nobodys_to_choose_from(apply: Apply) -> None:
    for digest in ("1", "2"):
        VirtualKey.objects.create(name="ci", digest=digest)
    with pytest.raises(CommandError, match=r"keys\[0\].name: There is more than one key"):
        apply("keys: [{name: ci}]")


def test_a_file_that_cannot_be_read_is_said_to_be_so(apply: Apply) -> None:
    with pytest.raises(CommandError, match=r"/nowhere/dragoman\.yaml cannot be read: No such file"):
        call_command("apply", "/nowhere/dragoman.yaml")
