"""`python -m instep.intake`: one worker, as production runs it."""

from instep.intake.app import main

if __name__ == "__main__":
    main()
