from django.apps import AppConfig


class ProxySiteConfig(AppConfig):
    name = "proxy_site"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Login"

    def ready(self) -> None:
        # Models may be imported only once the apps are there.
        from keys import resealing
        from proxy_site.login import noted
        from proxy_site.models import SecondFactor

        noted.connect()
        resealing.register("second factors", lambda: resealing.reseal_rows(SecondFactor))
