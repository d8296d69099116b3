"""Runs an intake worker as production does: `python -m instep.intake`."""

from instep.intake.app import main

if __name__ == "__main__":
    main()
