from django.apps import AppConfig


class CacheAdminConfig(AppConfig):
    name = "cache_admin"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Cache and usage"

    def ready(self) -> None:
        # Models may be imported only once the apps are there.
        from cache_admin import resealing, spending
        from cache_admin.models import Price
        from keys import freshness
        from keys.limits import ledger
        from keys.secrecy.resealing import register

        freshness.watch_model(Price)
        ledger.register(spending.sums)
        register("cached completions", resealing.reseal_completions)
        register("logged bodies", resealing.reseal_bodies)
