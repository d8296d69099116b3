"""Carries out `instep publish FILE --dry-run`: shows what a publication would do. Nothing is sent or remembered."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import typer

from instep.adapters import load_mapping, read
from instep.adapters.memory_copy import copied
from instep.adapters.memory_files import DATABASE
from instep.cache import cache_directory
from instep.catalogue.files import load_catalogue, schemas_directory
from instep.cli.dry_run_report import DryRun, line_object, print_dry_run
from instep.cli.listing import connected
from instep.cli.network_directory import find
from instep.cli.output import OutputForm, note, show_lines
from instep.cli.publish import PublishRequest, bar_for, ensure_there, remarking
from instep.cli.rehearsal import Rehearsal, with_schemas
from instep.client.council import council, participant
from instep.client.file_settings import file_settings
from instep.client.filing import Filing, LineResult
from instep.client.memory_place import place
from instep.client.publisher import Gate
from instep.errors import ConfigurationError, NotConnectedError
from instep.events.schema import Catalogue
from instep.network.days import today_in_london
from instep.network.network import Network, load
from instep.postcodes import Postcodes
from instep.router.trial import Trial


def rehearse_file(request: PublishRequest, directory: str | None) -> None:
    """Rehearse the file and print the results. Exits with 1 when somebody has to put a line right, as publishing would."""
    ensure_there(request.file)
    authority, network, catalogue = _network(request.authority, directory)
    run = DryRun(source=authority, trial=_trial(network, catalogue))
    home = _home(request, network, authority)
    _say_what_is_missing(run, home)
    whole = False
    try:
        _rehearse(request, run, home, network, catalogue)
        whole = True
    finally:
        if run.results.tally.lines or whole:
            print_dry_run(request.file, request.output, run)
    if run.results.tally.refused:
        raise typer.Exit(1)


def _rehearse(
    request: PublishRequest, run: DryRun, home: Path | None, network: Network, catalogue: Catalogue
) -> None:
    columns = load_mapping(request.mapping) if request.mapping else {}
    settings = file_settings(network, run.source, columns, remarking(run.results.tally), request.sheet)
    stage = Rehearsal(network, catalogue, run.trial)
    with copied(home) as memory, bar_for(request.file, "rehearsing") as bar:
        filing = Filing(
            lines=read(request.file, request.format, authority=run.source, settings=settings),
            authority=run.source,
            gate=Gate(network, catalogue),
            memory=memory,
            on_behalf=request.on_behalf,
            tally=run.results.tally,
            report=_reporter(request, run, stage),
            progress=lambda position: bar.update(done=position),
        )
        asyncio.run(filing.rehearse(stage))


def _network(name: str, directory: str | None) -> tuple[str, Network, Catalogue]:
    """The authority's id, its network, and the catalogue."""
    if directory is not None:
        catalogue = load_catalogue(schemas_directory(os.environ))
        network = with_schemas(load(find(directory)), catalogue)
        return participant(network, name), network, catalogue
    try:
        at = asyncio.run(council(*connected(), name))
    except (NotConnectedError, ConfigurationError) as error:
        raise type(error)(f"{error} (--network DIR rehearses without a broker.)") from error
    return at.authority, at.network, at.catalogue


def _trial(network: Network, catalogue: Catalogue) -> Trial | None:
    """The router's rules for today; None where no list of postcodes is installed (the [postcodes] extra)."""
    try:
        postcodes = Postcodes.open(cache_directory(os.environ))
    except ConfigurationError:
        return None
    return Trial(network, catalogue.events, postcodes, today_in_london(time.time_ns() // 1_000_000))


def _home(request: PublishRequest, network: Network, authority: str) -> Path | None:
    """The memory that was used last; without a broker nobody can tell of which cluster the next publication will be."""
    kept = place(request.state_directory, os.environ).of_network(network.name, authority)
    return max((memory.home for memory in kept), key=_used_at, default=None)


def _used_at(home: Path) -> float:
    database = home / DATABASE
    return database.stat().st_mtime if database.exists() else 0.0


def _say_what_is_missing(run: DryRun, home: Path | None) -> None:
    if home is None:
        note(
            f"{run.source} has published nothing from here: everybody is shown as new, under references and ids"
            " that are made up."
        )
    if run.trial is None:
        note("Who would be told is not shown: install Instep with its [postcodes] extra.")


def _reporter(request: PublishRequest, run: DryRun, stage: Rehearsal) -> Callable[[LineResult], None]:
    def report(result: LineResult) -> None:
        leaving = stage.leaving if result.outcome == "published" else None
        if leaving is not None:
            result = replace(result, outcome="would-publish", offset=None)
        run.keep(result, leaving)
        if request.output is OutputForm.JSON:
            show_lines([line_object(result, leaving)])

    return report
