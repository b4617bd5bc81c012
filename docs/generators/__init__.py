"""Reference pages made from the code itself, so that they cannot say anything else.

    python -m docs.generators                     write them
    python -m docs.generators reference/cli.md    write one of them

    commands     the command line, from click
    keys         the keys of the terminal interface, from its bindings
    contracts    the contract language, from its JSON Schema; the built-in contracts
    recording    the tables of a recording, from the SQL that makes them
    testing      the testing library, from its docstrings
    performance  what `make bench` measured last
    verdict      the JSON verdict, from its JSON Schema
"""
