from django.apps import AppConfig

from proxy_api.providers.rows import ROWS


class ProxyApiConfig(AppConfig):
    name = "proxy_api"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Models"

    def ready(self) -> None:
        """Tell `keys` what it cannot know: which providers there are, and who sends its requests."""
        from cache_admin import cassettes, rerunning
        from keys import freshness
        from keys.outward import credentials, fetching, probing  # models can be imported only once all apps are loaded
        from proxy_api.models import Alias, CatalogModel

        freshness.watch_model(Alias)
        freshness.watch_model(CatalogModel)

        told = {
            row.name: credentials.Declared(row.env, row.keyless, row.options, row.parts, row.addresses) for row in ROWS
        }
        credentials.declare(told)
        fetching.register("proxy_api.fetching.fetched")
        probing.register("proxy_api.probe.probed")
        rerunning.register("proxy_api.rerun.rerun")
        cassettes.register("proxy_api.recordings.asked")
