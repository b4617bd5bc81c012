"""What a screen is put together from: each part owns a few widgets and values of it, and its keys.

A part's keys stand in its `BINDINGS`; the screen takes them over and hands them to the part by `action_part`.
"""
