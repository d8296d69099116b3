"""Puts a router worker together from its parts, and runs the worker. An import of this module connects to nothing."""

import os
from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from instep.cache import cache_directory
from instep.catalogue.files import load_catalogue
from instep.errors import ConfigurationError
from instep.lanes.process import run
from instep.lanes.settings import LaneSettings, from_env
from instep.network.services import SERVICES
from instep.postcodes import Postcodes
from instep.router.arrival import Codec
from instep.router.metrics import RouterMetrics
from instep.router.processor import Router


def main() -> None:
    """Run until a signal stops the worker; raises ConfigurationError or NotConnectedError before the worker has begun."""
    settings = from_env(os.environ, SERVICES["router"])
    run(lambda registry: _router(settings, registry), settings)


def _router(settings: LaneSettings, registry: CollectorRegistry) -> Router:
    codec = codec_from(os.environ)
    catalogue = load_catalogue(settings.schemas_directory)
    postcodes = Postcodes.open(cache_directory(os.environ))
    return Router(catalogue, postcodes, RouterMetrics(registry), codec)


def codec_from(environ: Mapping[str, str]) -> Codec:
    """The codec that INSTEP_CODEC names; raises ConfigurationError where no codec has the name."""
    try:
        return Codec(environ.get("INSTEP_CODEC", Codec.SPLICE))
    except ValueError:
        raise ConfigurationError("INSTEP_CODEC is neither `splice` nor `plain`.") from None
