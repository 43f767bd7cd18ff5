"""What can be asked of a target. Knows nothing of the daemon: imports only the standard library."""
