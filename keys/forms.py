"""The admin's forms for keys and credentials: lists of patterns as lines, secrets written but never shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from keys import credentials, options, outbound, tokens
from keys.models import ProviderCredential, VirtualKey
from keys.pepper import peppered
from keys.secret import presentable

MOST_PATTERNS = 500


class PatternsField(forms.CharField):
    """Models or patterns, one a line (commas do as well), as a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}), **kwargs)

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: object) -> Any:
        patterns = [part for line in str(value or "").splitlines() for part in split(line)]
        if len(patterns) > MOST_PATTERNS:
            raise ValidationError(f"At most {MOST_PATTERNS} patterns.")
        if any(len(pattern) > 200 or set(pattern) & set(" \t\0") for pattern in patterns):
            raise ValidationError("A pattern has no blanks and at most 200 characters.")
        return patterns

    def has_changed(self, initial: object, data: object) -> bool:
        before = list(initial) if isinstance(initial, Iterable) and not isinstance(initial, str) else []
        return bool(before != self.to_python(data))


class OptionsField(forms.CharField):
    """`name=value` lines as a mapping."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs)

    def prepare_value(self, value: object) -> object:
        return options.written(value) if isinstance(value, dict) else value

    def to_python(self, value: object) -> Any:
        try:
            return options.read_lines(str(value or ""))
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def has_changed(self, initial: object, data: object) -> bool:
        return bool((initial or {}) != self.to_python(data))


def split(line: str) -> list[str]:
    return [part.strip() for part in line.split(",") if part.strip()]


class VirtualKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no ModelForm[...] at run time
    """What an operator says of a key: its secret is made, not entered."""

    models = PatternsField(help_text="One model or pattern a line, e.g. openai/* or gpt-5. Empty: every model.")

    class Meta:
        model = VirtualKey
        fields = ("name", "models", "expires_at", "log_bodies", "cache_mode", "note")
        labels = {"expires_at": "Expires", "log_bodies": "Usage log keeps", "cache_mode": "Answers are cached"}
        help_texts = {
            "log_bodies": "Of the calls with this key.",
            "cache_mode": "Unless a call says so itself (x-bt-use-cache).",
        }
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def clean_expires_at(self) -> Any:
        expires = self.cleaned_data["expires_at"]
        if expires is not None and "expires_at" in self.changed_data and expires <= timezone.now():
            raise ValidationError("This moment is past. To end a key now, revoke it.")
        return expires


class ProviderCredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """A secret is written only: it is never rendered, and never goes to another address than it was entered for."""

    provider = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    secret = forms.CharField(
        required=False,
        strip=True,
        max_length=8192,
        label="Secret",
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}, render_value=False),
    )
    options = OptionsField(help_text="name=value, one a line.")
    models = PatternsField(help_text="One model or pattern a line. Empty: every model of the provider.")

    class Meta:
        model = ProviderCredential
        fields = ("name", "provider", "secret", "base_url", "options", "models", "enabled")
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
        self._before = (self.instance.provider, self.instance.base_url, self.instance.options)

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

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        provider, chosen = str(cleaned.get("provider", "")), cleaned.get("options", {})
        for fault in options.faults(chosen, credentials.options_of(provider)):
            self.add_error("options", fault)
        if "secret" in cleaned and not cleaned["secret"] and "base_url" in cleaned:
            self._without_a_new_secret((provider, cleaned["base_url"], chosen))
        return cleaned

    def _without_a_new_secret(self, now: tuple[str, str, dict[str, str]]) -> None:
        """A stored secret stays only where it was entered for; none at all is fine for a keyless provider."""
        if self.instance.sealed and now != self._before:
            self.add_error("secret", "Provider, address or options changed: enter the secret anew.")
        elif not self.instance.sealed and not credentials.is_keyless(now[0]):
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
