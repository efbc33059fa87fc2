"""The admin pages of this app's models, a module each. Django finds them by importing this package."""

from keys.admin import admin_keys, alerts, audit, credentials, installation, issuers, projects, virtual_keys

__all__ = ["admin_keys", "alerts", "audit", "credentials", "installation", "issuers", "projects", "virtual_keys"]
