"""`python -m instep`: the command, for machines where pip puts commands into a folder that no terminal looks into."""

from instep.cli import main

main()
