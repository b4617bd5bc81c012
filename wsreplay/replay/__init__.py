"""A recording is played to real peers again; two recordings are compared."""
