"""A provider credential: its secret goes in and does not come out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from keys.models import ProviderCredential
from keys.outward import credential_faults, credentials, extra_headers
from keys.outward.credential_faults import Entered
from keys.secrecy.sealing import SealBroken
from proxy_api.control.paging import Paged
from proxy_api.control.serializers.fields import ProjectField, given, held, mapping, texts


class CredentialSerializer(serializers.ModelSerializer[ProviderCredential]):
    project = ProjectField(help_text="Of this project's keys alone, before all others.")
    secret = serializers.CharField(
        write_only=True,
        required=False,
        max_length=8192,
        validators=[held(credential_faults.secret_faults)],
        help_text="The provider's key; entered anew where provider, address, options, regions or headers change.",
    )
    options = mapping("What the address needs beside the key: region, project, ...")
    regions = texts("Tried like credentials of their own, in this order.", "region")
    headers = mapping("Sent with every request; {part} stands for a part of the secret.")
    models = texts("Models or patterns. None: every model of the provider.")
    state = serializers.SerializerMethodField(help_text="ready, off, or `does not open`: enter its secret anew.")

    class Meta:
        model = ProviderCredential
        read_only_fields = ("id", "last_four", "fingerprint", "created_at")
        fields = (
            *("id", "name", "provider", "project", "secret", "base_url", "options", "regions", "headers"),
            *("models", "priority", "weight", "enabled", "state"),
            *read_only_fields[1:],
        )

    def get_state(self, row: ProviderCredential) -> str:
        try:
            row.secret()
        except SealBroken:
            return "does not open"
        return "ready" if row.enabled else "off"

    def validate_provider(self, value: str) -> str:
        if value not in credentials.providers():
            raise ValidationError(f"No provider is called so: there are {', '.join(credentials.providers())}.")
        return value

    def validate_base_url(self, value: str) -> str:
        address = value.strip().rstrip("/")
        if address:
            held(credential_faults.address_faults)(address)
        return address

    def validate_headers(self, value: dict[str, str]) -> dict[str, str]:
        headers = {name.lower(): text for name, text in value.items()}
        held(extra_headers.faults)(headers)
        return headers

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        bound = {name: given(self, attrs, name) for name in ProviderCredential.BOUND}
        entered = Entered(**bound, secret=attrs.get("secret", ""))
        for field, fault in credential_faults.faults(entered, self.instance or ProviderCredential()):
            raise ValidationError({field: fault})
        return attrs


class CredentialFilters(Paged):
    provider = serializers.CharField(required=False, max_length=64)
    project = serializers.CharField(required=False, max_length=200, help_text="Of this project: its id or name.")


class TriedSerializer(serializers.Serializer[Any]):
    """What came of trying a credential, in one region."""

    options = serializers.DictField(child=serializers.CharField())
    ok = serializers.BooleanField(allow_null=True, help_text="null: only a call can tell.")
    said = serializers.CharField(help_text="The provider's own sentence, where it has one.")
    status = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField()


class TriedListSerializer(serializers.Serializer[Any]):
    found = TriedSerializer(many=True)
