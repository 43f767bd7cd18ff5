"""What other tools have written, as configuration of ours: one file a tool, and beside them what all of them need."""
