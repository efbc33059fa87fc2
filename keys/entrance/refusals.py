"""Why a caller is nobody here: what each refusal says, and nothing of the token that was presented.

The texts of temporary credentials are the reference's; its statuses were 400.
"""

from __future__ import annotations

from jwt.exceptions import ExpiredSignatureError, InvalidAlgorithmError, InvalidSignatureError, PyJWTError


class AccessRefused(Exception):
    """No identity. status, code and message are what the caller is told; message holds nothing of the token."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def unauthorized(message: str) -> AccessRefused:
    return AccessRefused(401, "invalid_api_key", message)


def missing() -> AccessRefused:
    return unauthorized("Missing Authentication header")


def wrong() -> AccessRefused:
    return unauthorized("Incorrect API key provided.")


def expired() -> AccessRefused:
    return unauthorized("jwt expired")


def of_jwt(error: PyJWTError) -> AccessRefused:
    """What is wrong with a JWT; a claim that is missing or another one is not told."""
    match error:
        case ExpiredSignatureError():
            return expired()
        case InvalidSignatureError() | InvalidAlgorithmError():
            return unauthorized("invalid signature")
        case _:
            return wrong()


def parent_gone() -> AccessRefused:
    return unauthorized(
        "Could not access credential cache: the key that this credential was made with is not valid any more."
    )


def no_project() -> AccessRefused:
    return AccessRefused(403, "project_not_allowed", "No project here takes callers with the claims of this token.")


def away() -> AccessRefused:
    return AccessRefused(503, "auth_unavailable", "This key cannot be checked at the moment. Try again shortly.")
