"""Where this machine keeps what can be fetched or made again."""

from collections.abc import Mapping
from pathlib import Path


def cache_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/instep`, or `~/.cache/instep`; a relative XDG_CACHE_HOME is ignored, as its specification says."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "instep"
