"""The admin pages of this app's models, a module each. Django finds them by importing this package."""

from keys.admin import audit, credentials, virtual_keys

__all__ = ["audit", "credentials", "virtual_keys"]
