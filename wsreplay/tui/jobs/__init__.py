"""Work in the background: in a thread, or in a child process, whose Python takes no time from the keys.

    task            what a job does, and what it sees of the job
    jobs            the jobs of a screen, as Textual's workers
    child_process   the child processes, as the interface knows them
    child           what runs in one
"""
