"""Completions carried out of and into the admin: by who may, on the audit log, and all of a file or nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from cache_admin.models import StoredCompletion
from keys.models import AuditEntry, Project
from tests.cache_admin.entries import cached, page, staff

pytestmark = pytest.mark.django_db(transaction=True)
LIST = reverse("admin:cache_admin_storedcompletion_changelist")
EXPORT = reverse("admin:cache_admin_storedcompletion_export")
IMPORT = reverse("admin:cache_admin_storedcompletion_import")
LINE = {"endpoint": "chat/completions", "request": {"model": "openai/gpt", "messages": []}, "answer": {"choices": []}}


@pytest.fixture
def client() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


@pytest.fixture
def project() -> Project:
    return Project.objects.create(name="ci")


def lines(response: HttpResponse | StreamingHttpResponse) -> list[dict[str, Any]]:
    assert isinstance(response, StreamingHttpResponse)
    assert response["content-type"] == "application/jsonl"
    assert response["content-disposition"] == 'attachment; filename="completions.jsonl"'
    return [json.loads(line) for line in response.getvalue().splitlines()]


def sent(client: Client, project: Project, text: str, do: str) -> str:
    file = io.BytesIO(text.encode())
    file.name = "cassette.jsonl"
    form = {"project": project.pk, "file": file, "do": do}
    return client.post(IMPORT, form, follow=True).content.decode()


def text_of(*said: dict[str, Any]) -> str:
    return "".join(json.dumps(line) + "\n" for line in said)


def test_what_a_filter_finds_goes_out_as_lines_once_the_page_was_seen(client: Client) -> None:
    cached("Which is wanted?", number=1)
    cached("Which is not?", number=2)
    StoredCompletion.objects.filter(digest__endswith="02").update(model="another")
    told = page(client, f"{EXPORT}?model=gpt")
    assert "1 entry</strong>" in told
    assert 'model <strong class="text-important">gpt</strong>' in told
    assert not AuditEntry.objects.filter(action="completion.exported").exists()
    (line,) = lines(client.post(f"{EXPORT}?model=gpt"))
    assert line["request"]["messages"][0]["content"] == "Which is wanted?"
    assert line["answer"]["choices"][0]["message"]["content"] == "Paris"
    assert AuditEntry.objects.get(action="completion.exported").changes == {"count": 1}


def test_chosen_rows_go_out_and_no_others(client: Client) -> None:
    digests = [cached(f"{number}?", number=number) for number in range(3)]
    chosen = {"action": "export_selected", "_selected_action": digests[1:]}
    found = lines(client.post(LIST, chosen))
    assert [line["request"]["messages"][0]["content"] for line in found] == ["1?", "2?"]
    assert AuditEntry.objects.get(action="completion.exported").actor == "root"


def test_what_is_sealed_to_its_caller_is_told_beforehand_and_left_out(client: Client) -> None:
    cached(number=1)
    StoredCompletion.objects.update(sealed_to_caller=True)
    cached(number=2)
    assert '<strong class="text-important">1</strong> sealed to its caller' in page(client, EXPORT)
    assert len(lines(client.post(EXPORT))) == 1


def test_who_may_not_read_takes_nothing_out_and_who_may_not_add_brings_nothing_in(project: Project) -> None:
    digest = cached()
    clerk = staff("view_storedcompletion", "change_storedcompletion", "delete_storedcompletion")
    for response in (clerk.get(EXPORT), clerk.post(EXPORT), clerk.get(IMPORT), clerk.post(IMPORT, {"do": "import"})):
        assert response.status_code == 403
    said = clerk.post(LIST, {"action": "export_selected", "_selected_action": [digest]}, follow=True)
    assert not isinstance(said, StreamingHttpResponse)
    text = page(clerk, LIST)
    assert EXPORT not in text
    assert IMPORT not in text
    assert not AuditEntry.objects.filter(action__startswith="completion.").exists()


def test_a_file_is_checked_and_then_imported_into_a_projects_cassette(client: Client, project: Project) -> None:
    told = sent(client, project, text_of(LINE, {**LINE, "endpoint": "embeddings"}), "check")
    assert "The file is good.</strong> 2 entries are new" in told
    assert not StoredCompletion.objects.exists()
    sent(client, project, text_of(LINE), "import")
    told = sent(client, project, text_of(LINE, {**LINE, "endpoint": "embeddings"}), "import")
    assert "1 completion imported. 1 were there." in told
    assert set(StoredCompletion.objects.values_list("cassette", "project_name")) == {(True, "ci")}
    assert AuditEntry.objects.filter(action="completion.imported", actor="root", target_id=project.pk).count() == 2


@pytest.mark.parametrize("do", ["check", "import", ""])
def test_each_line_that_is_wrong_is_named_and_nothing_is_kept(client: Client, project: Project, do: str) -> None:
    wrong = json.dumps({**LINE, "endpoint": ""})
    told = sent(client, project, f"{text_of(LINE)}{{\n{wrong}\n", do)
    assert "2 lines are wrong." in told
    assert "<li>line 2: it is no JSON</li><li>line 3: its endpoint is missing</li>" in told
    assert not StoredCompletion.objects.exists()


def test_what_a_file_says_is_never_told_back(client: Client, project: Project) -> None:
    script = "<script>alert(1)</script>"
    member = json.dumps({**LINE, script: 1, "endpoint": 5, "request": {script: script}})
    assert "alert(1)" not in sent(client, project, f"{script}\n{member}\n", "check")


def test_a_form_without_a_file_or_of_another_project_says_so(client: Client, project: Project) -> None:
    assert "This field is required." in client.post(IMPORT, {"project": project.pk, "do": "import"}).content.decode()
    file = io.BytesIO(b"{}")
    assert "valid choice" in client.post(IMPORT, {"project": "nobody", "file": file, "do": "import"}).content.decode()


def test_a_form_that_another_site_sends_is_refused(project: Project) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.create_superuser("root"))
    assert careful.post(IMPORT, {"project": project.pk, "do": "import"}).status_code == 403
    assert careful.post(EXPORT).status_code == 403


def test_a_projects_page_leads_to_its_cassette_and_that_list_to_its_import(client: Client, project: Project) -> None:
    sent(client, project, text_of(LINE), "import")
    where = f"{LIST}?project={project.pk}&amp;state=cassette"
    assert where in page(client, reverse("admin:keys_project_change", args=[project.pk]))
    assert f"{IMPORT}?project={project.pk}&amp;state=cassette" in page(client, where.replace("&amp;", "&"))
    assert f'<option value="{project.pk}" selected>' in page(client, f"{IMPORT}?project={project.pk}")
