"""The form of a provider credential: its secret is written but never shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from keys.forms.fields import MappingField, PatternsField
from keys.models import ProviderCredential
from keys.outward import credential_faults, credentials, extra_headers
from keys.outward.credential_faults import Entered
from keys.secrecy.pepper import fingerprint


class ProviderCredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    """A secret is written only: it is never rendered, and never goes elsewhere or with other headers than it was
    entered for."""

    provider = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    secret = forms.CharField(
        required=False,
        strip=True,
        max_length=8192,
        label="Secret",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )
    options = MappingField(help_text="name=value, one a line.")
    regions = PatternsField(
        help_text="One a line, where the provider has regions; each is tried like a credential of its own."
    )
    headers = MappingField(
        help_text="name=value, one a line, sent with every request. They are readable here. What must not be: make the "
        'secret a JSON object such as {"key": "sk-...", "gateway": "..."} and write name=Bearer {gateway}.'
    )
    models = PatternsField(help_text="One model or pattern a line. Empty: every model of the provider.")

    class Meta:
        model = ProviderCredential
        fields = (
            *("name", "provider", "project", "secret", "base_url", "options", "regions", "headers"),
            *("models", "priority", "weight", "enabled"),
        )
        help_texts = {
            "name": "A call may ask for it in x-bt-endpoint-name, and every answer names the one it used "
            "in x-bt-used-endpoint.",
            "enabled": "Off: no call uses it, and its secret stays here.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "provider" not in self.fields:  # shown to someone who may only look
            return
        known = {*credentials.providers(), *filter(None, [self.instance.provider])}
        choices = [("", "Choose one"), *((name, name) for name in sorted(known))]
        self.fields["provider"].choices = choices  # type: ignore[attr-defined]
        stored = f"Stored: {secret_label(self.instance)}. Empty: it stays." if self.instance.sealed else ""
        self.fields["secret"].help_text = stored or "Sealed at once; nobody can read it here again."
        self.fields["options"].help_text = options_help()

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if secret and (wrong := credential_faults.secret_faults(secret)):
            raise ValidationError(wrong)
        return secret

    def clean_base_url(self) -> str:
        address = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        if address and (wrong := credential_faults.address_faults(address)):
            raise ValidationError(wrong)
        return address

    def clean_headers(self) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.cleaned_data["headers"].items()}
        if faults := extra_headers.faults(headers):
            raise ValidationError(faults)
        return headers

    def clean(self) -> dict[str, Any]:
        """The row still has what it had before: Django puts the new values there after this."""
        cleaned = super().clean() or self.cleaned_data
        names = ("secret", *ProviderCredential.BOUND)
        if set(cleaned) >= set(names):
            entered = Entered(**{name: cleaned[name] for name in names})
            for field, fault in credential_faults.faults(entered, self.instance):
                self.add_error(field, fault)
        return cleaned

    def save(self, commit: bool = True) -> ProviderCredential:
        secret = self.cleaned_data["secret"]
        if secret:
            self.instance.put_secret(secret, fingerprint(secret))
        saved: ProviderCredential = super().save(commit)
        return saved


def options_help() -> str:
    """Which provider has which."""
    having = ((name, credentials.options_of(name)) for name in credentials.providers())
    told = "; ".join(f"{name}: {', '.join(known)}" for name, known in having if known)
    return f"name=value, one a line, where the address needs more than a key. {told}".rstrip()


def secret_label(row: ProviderCredential) -> str:
    """What may be shown of a credential's secret: its last four and its fingerprint."""
    if not row.sealed:
        return "none"
    return f"…{row.last_four} · {row.fingerprint}" if row.last_four else row.fingerprint
