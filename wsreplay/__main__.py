"""`python -m wsreplay`."""

from wsreplay.cli.main import main

main()
