"""The admin pages of this app's models, a module each. Django finds them by importing this package."""

from keys.admin import alerts, audit, credentials, installation, issuers, projects, virtual_keys

__all__ = ["alerts", "audit", "credentials", "installation", "issuers", "projects", "virtual_keys"]
