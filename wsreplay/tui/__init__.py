"""The terminal interface. Each name imports only what stands below it.

    start        checks what it was started with, and runs the application
    app          the application: its state, its looks, what it tells its screens
    navigation   which screen is on top, and how each leads to the others
    browse/ session/ waterfall/ findings/ diff/ statistics/
                 a folder a feature: its screen, and what only that needs; none knows another
    screens/     what all screens are made of, and those that belong to no feature: help, prompts
    widgets/     what several screens are painted with
    host         what a screen may ask of the application
    validation/  with which contracts the open recording is validated, and what came of it
    recording/   the open recording as lists and timelines show it, without a screen
    jobs/        work in the background
    messages     the messages that several screens know
    look/        themes, signs, the text of cells, the names of keys
    config       what the user has settled
"""
