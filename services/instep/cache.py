"""Says where Instep keeps files that it can download or build again."""

from collections.abc import Mapping
from pathlib import Path


def cache_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/instep`, or `~/.cache/instep`. The XDG specification says to ignore a relative XDG_CACHE_HOME."""
    cache_home = Path(environ.get("XDG_CACHE_HOME", ""))
    return (cache_home if cache_home.is_absolute() else Path.home() / ".cache") / "instep"
