from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ProxySiteConfig(AppConfig):
    name = "proxy_site"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Login"

    def ready(self) -> None:
        # Models may be imported only once the apps are there.
        from keys.administration import roles
        from keys.secrecy import resealing
        from proxy_site.login import noted
        from proxy_site.models import SecondFactor

        noted.connect()
        # The last of the apps: Django has made the permissions of all others by then.
        pre_migrate.connect(roles.remember, sender=self)
        post_migrate.connect(roles.fill, sender=self)
        resealing.register("second factors", lambda: resealing.reseal_rows(SecondFactor))
