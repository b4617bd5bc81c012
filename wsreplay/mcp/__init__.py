"""Recordings for coding assistants, by the Model Context Protocol: read-only, in small answers.

    folder      the recordings of one folder, by name; nothing outside it
    answer      JSON that is bounded, in pages, with what peers sent marked as theirs
    frames      frames, findings and spans as small JSON objects
    tools       what an assistant can ask for
    server      the tools over stdio or HTTP; needs the extra `mcp`
"""
