"""Runs a router worker as production does: `python -m instep.router`."""

from instep.router.app import main

if __name__ == "__main__":
    main()
