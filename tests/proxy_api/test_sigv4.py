"""Signatures are those that AWS publishes: its Signature Version 4 test suite, and the examples of its documentation.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest

import pytest

from proxy_api.errors import BadRequest
from proxy_api.providers.sigv4 import AwsKey, Scope, Signable, authorization, signed

NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp()
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEY = AwsKey("AKIDEXAMPLE", SECRET)
SCOPE = Scope("us-east-1", "service", NOW)
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx"
    "7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q"
    "6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def sign(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", key: AwsKey = KEY) -> str:
    return signed(key, Signable(method, f"https://example.amazonaws.com{path}", headers or {}, body), SCOPE)[
        "authorization"
    ]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "signature"),
    [
        ("GET", "/", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            {},
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("POST", "/?Param1=value1", {}, b"", "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        ("GET", "/?%E1%88%B4=bar", {}, b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("GET", "/example space/", {}, b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("GET", "/ሴ", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "GET",
            "/",
            {"my-header1": " value1", "my-header2": ' "a   b   c"'},
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "POST",
            "/",
            {"my-header1": "VALUE1"},
            b"",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "POST",
            "/",
            {"content-type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_the_signatures_of_the_published_suite_are_ours(
    method: str, path: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    names = ";".join(sorted(["host", "x-amz-date", *headers]))
    scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"
    expected = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"
    assert sign(method, path, headers, body) == expected


def test_a_session_token_is_sent_and_signed() -> None:
    key = AwsKey("AKIDEXAMPLE", SECRET, TOKEN)
    headers = signed(key, Signable("POST", "https://example.amazonaws.com/", {}, b""), SCOPE)
    assert headers["x-amz-security-token"] == TOKEN
    assert headers["x-amz-date"] == "20150830T123600Z"
    assert headers["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
    )


def test_the_documented_list_users_call_is_signed_as_documented() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = Signable("GET", "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", headers, b"")
    said = signed(KEY, request, Scope("us-east-1", "iam", NOW))["authorization"]
    assert said.endswith("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")


def test_the_documented_ranged_get_is_signed_as_documented() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {"range": "bytes=0-9", "x-amz-content-sha256": empty}
    request = Signable("GET", "https://examplebucket.s3.amazonaws.com/test.txt", headers, b"")
    key = AwsKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    scope = Scope("us-east-1", "s3", datetime(2013, 5, 24, tzinfo=UTC).timestamp())
    said = signed(key, request, scope)["authorization"]
    assert said.endswith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


def test_a_path_that_is_percent_encoded_is_encoded_once_more() -> None:
    """The steps by hand: AWS wants every path segment encoded twice, except for S3."""
    headers = "host:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date"
    canonical = f"POST\n/model/a.b-v1%253A0/converse\n\n{headers}\n{sha256(b'{}').hexdigest()}"
    scope = "20150830/us-east-1/service/aws4_request"
    told = f"AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for text in (*scope.split("/"), told):
        key = digest(key, text.encode(), "sha256")
    assert sign("POST", "/model/a.b-v1%3A0/converse", body=b"{}").endswith(f"Signature={key.hex()}")


CALL = Signable("POST", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", {}, b"{}")


def test_a_bedrock_api_key_is_a_bearer_token() -> None:
    assert authorization("ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl", CALL, "us-east-1", NOW) == {
        "authorization": "Bearer ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
    }


def test_an_access_key_pair_signs_for_bedrock_in_its_region() -> None:
    headers = authorization(f"AKIAIOSFODNN7EXAMPLE:{SECRET}", CALL, "eu-central-1", NOW)
    assert headers.keys() == {"authorization", "x-amz-date"}
    assert "Credential=AKIAIOSFODNN7EXAMPLE/20150830/eu-central-1/bedrock/aws4_request," in headers["authorization"]
    temporary = authorization(f"ASIAIOSFODNN7EXAMPLE:{SECRET}:{TOKEN}", CALL, "eu-central-1", NOW)
    assert temporary["x-amz-security-token"] == TOKEN


def test_a_body_that_comes_in_pieces_cannot_be_signed_and_needs_no_signature_of_a_bearer_token() -> None:
    upload = replace(CALL, body=None)
    with pytest.raises(BadRequest) as caught:
        authorization(f"AKIAIOSFODNN7EXAMPLE:{SECRET}", upload, "us-east-1", NOW)
    assert (caught.value.status, caught.value.code) == (400, "unsupported_upload")
    assert authorization("ABSKQmVk", upload, "us-east-1", NOW) == {"authorization": "Bearer ABSKQmVk"}


def test_no_secret_is_shown() -> None:
    assert SECRET not in repr(KEY)
    assert SECRET not in str(authorization(f"AKIAIOSFODNN7EXAMPLE:{SECRET}", CALL, "us-east-1", NOW))
