"""Composition of a router worker, in one place; importing connects to nothing."""

import os

from prometheus_client import CollectorRegistry

from instep.cache import cache_directory
from instep.events.catalogue import Catalogue
from instep.lanes.settings import LaneSettings, from_env
from instep.lanes.worker import run
from instep.network.postcodes import Postcodes
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router

MANAGEMENT_PORT = 9702
"""Where `/healthy`, `/ready` and `/metrics` answer unless INSTEP_MANAGEMENT_PORT says otherwise."""


def main() -> None:
    """Run until told to stop; raises ConfigurationError or NotConnectedError before anything has begun."""
    settings = from_env(os.environ, default_port=MANAGEMENT_PORT)
    run(lambda registry: _router(settings, registry), settings)


def _router(settings: LaneSettings, registry: CollectorRegistry) -> Router:
    catalogue = Catalogue.load(settings.schemas_directory)
    return Router(catalogue, Postcodes.open(cache_directory(os.environ)), RouterMetrics(registry))
