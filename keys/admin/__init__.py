"""The admin pages of keys and credentials, a module each. Django finds them by importing this package."""

from keys.admin import credentials, virtual_keys

__all__ = ["credentials", "virtual_keys"]
