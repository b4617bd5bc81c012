"""A trace and a contract become findings."""
