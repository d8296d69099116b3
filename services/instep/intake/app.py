"""Puts an intake worker together from its parts, and runs the worker. To import this module connects to nothing."""

import os

from prometheus_client import CollectorRegistry

from instep.catalogue.files import load_catalogue
from instep.intake.metrics import IntakeMetrics
from instep.intake.processor import Intake
from instep.lanes.process import run
from instep.lanes.settings import LaneSettings, from_env
from instep.network.services import SERVICES


def main() -> None:
    """Run until a signal stops the worker; raises ConfigurationError or NotConnectedError before the worker has begun."""
    settings = from_env(os.environ, SERVICES["intake"])
    run(lambda registry: _intake(settings, registry), settings)


def _intake(settings: LaneSettings, registry: CollectorRegistry) -> Intake:
    catalogue = load_catalogue(settings.schemas_directory)
    return Intake(catalogue, IntakeMetrics(registry))
