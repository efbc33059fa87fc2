"""The form on the login page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from unfold.forms import AuthenticationForm
from unfold.widgets import BASE_INPUT_CLASSES

REFUSED = "Name, password or code is wrong, or this user may not use the admin. All three are case-sensitive."


class LoginForm(AuthenticationForm):  # type: ignore[misc]  # Unfold is published without types
    """Name, password and code in one step: what was wrong of the three is not said."""

    code = forms.CharField(
        required=False,
        max_length=16,
        help_text="Of your authenticator app, if you have set one up.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": " ".join(BASE_INPUT_CLASSES)}
        ),
    )
    error_messages = {**AuthenticationForm.error_messages, "invalid_login": REFUSED}

    def clean(self) -> dict[str, Any]:
        """As Django's, with the code."""
        given: dict[str, Any] = {name: self.cleaned_data.get(name) or "" for name in ("username", "password", "code")}
        if given["username"] and given["password"]:
            self.user_cache = authenticate(self.request, **given)
            if self.user_cache is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(self.user_cache)
        return given
