"""`python -m instep.router`: one worker, as production runs it."""

from instep.router.app import main

if __name__ == "__main__":
    main()
