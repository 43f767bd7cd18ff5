"""A rehearsal on one machine: services that break, and everything Watchkeeper does about it."""
