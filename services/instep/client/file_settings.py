"""The settings with which an authority's file is read: what the network and the list of postcodes know."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from instep.adapters import Note, Settings
from instep.cache import cache_directory
from instep.client.council_names import CouncilNames
from instep.client.own_area import OwnArea
from instep.errors import ConfigurationError
from instep.network.days import today_in_london
from instep.network.network import Network
from instep.postcodes import Postcodes


def file_settings(
    network: Network,
    authority: str,
    columns: Mapping[str, str],
    remark: Callable[[int, Note], None],
    sheet: str = "",
) -> Settings:
    """The settings for a file of the authority; `columns`, `remark` and `sheet` as in `Settings`."""
    today = today_in_london(time.time_ns() // 1_000_000)
    councils = CouncilNames(network)
    settings = Settings(
        today=today,
        columns=columns,
        council_of=councils.of_registration,
        acting_for=lambda council: councils.acting_for(council, today),
        remark=remark,
        sheet=sheet,
    )
    postcodes = _postcodes()
    return settings if postcodes is None else _with_places(settings, network, authority, postcodes)


def _with_places(settings: Settings, network: Network, authority: str, postcodes: Postcodes) -> Settings:
    area = OwnArea(network, authority, postcodes, settings.today)
    gss = lru_cache(maxsize=65_536)(postcodes.gss)
    return replace(
        settings,
        known_postcode=lambda postcode: gss(postcode) is not None,
        has_authority=lambda postcode: bool(gss(postcode)),
        holds=area.holds,
        is_elsewhere=area.is_elsewhere,
    )


def _postcodes() -> Postcodes | None:
    """The list of postcodes, where it is installed (the [postcodes] extra)."""
    try:
        return Postcodes.open(cache_directory(os.environ))
    except ConfigurationError:
        return None
