"""The form of a provider credential: its secret is written but never shown."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from keys import credentials, extra_headers, options, outbound, tokens
from keys.forms.fields import MappingField, PatternsField
from keys.models import ProviderCredential
from keys.pepper import peppered
from keys.secret import presentable


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
        self._before = {name: getattr(self.instance, name) for name in ProviderCredential.BOUND}

    def clean_secret(self) -> str:
        secret = str(self.cleaned_data["secret"])
        if secret and not presentable(secret):
            raise ValidationError("A secret is printable ASCII without blanks, or a JSON object of texts.")
        if tokens.looks_like_ours(secret):
            raise ValidationError("This is a key that we issued: enter the provider's.")
        return secret

    def clean_base_url(self) -> str:
        address = str(self.cleaned_data["base_url"]).strip().rstrip("/")
        try:
            if address:
                outbound.check_url(address)
        except outbound.AddressRefused as refused:
            raise ValidationError(str(refused)) from None
        return address

    def clean_headers(self) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.cleaned_data["headers"].items()}
        if faults := extra_headers.faults(headers):
            raise ValidationError(faults)
        return headers

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._check_options(str(cleaned.get("provider", "")), cleaned.get("options", {}), cleaned.get("regions", []))
        if set(cleaned) >= {"secret", *ProviderCredential.BOUND}:
            self._check_secret(cleaned["secret"], {name: cleaned[name] for name in ProviderCredential.BOUND})
        return cleaned

    def _check_secret(self, secret: str, bound: dict[str, Any]) -> None:
        if secret or not self.instance.sealed:
            for name in extra_headers.missing(bound["headers"], secret):
                self.add_error("headers", f"The secret has no part {name} that a header can hold.")
        if not secret:
            self._without_a_new_secret(bound)

    def _check_options(self, provider: str, chosen: dict[str, str], regions: list[str]) -> None:
        for fault in options.faults(chosen, credentials.options_of(provider)):
            self.add_error("options", fault)
        for fault in options.region_faults(regions, credentials.region_option(provider), chosen):
            self.add_error("regions", fault)

    def _without_a_new_secret(self, now: dict[str, Any]) -> None:
        """A stored secret stays only for what it was entered for; none at all is fine for a keyless provider."""
        if self.instance.sealed and now != self._before:
            self.add_error("secret", "Provider, address, options, regions or headers changed: enter the secret anew.")
        elif not self.instance.sealed and not credentials.is_keyless(str(now["provider"])):
            self.add_error("secret", "This provider needs a secret.")

    def save(self, commit: bool = True) -> ProviderCredential:
        secret = self.cleaned_data["secret"]
        if secret:
            self.instance.put_secret(secret, peppered("fingerprint", secret)[:12])
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
