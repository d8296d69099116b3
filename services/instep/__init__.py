"""Instep keeps councils' records in step; `services/README.md` is the map of this package."""
