from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class KeysConfig(AppConfig):
    name = "keys"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Keys"

    def ready(self) -> None:
        # Models may be imported only once the apps are there.
        from keys import checks, freshness, models  # noqa: F401
        from keys.administration import admin_log

        for told in models.TOLD:
            freshness.watch_model(told)
        admin_log.connect()
        post_migrate.connect(furnish, sender=self)


def furnish(using: str, **_: Any) -> None:
    """After migrating: the rows that the request path must not have to write."""
    from keys import freshness
    from keys.administration import issuing
    from keys.secrecy import pepper

    if "keys_revision" in connections[using].introspection.table_names():
        pepper.ensure()
        issuing.ensure_anonymous()
        freshness.bump()
