"""The playbook, one file a chapter. What it returns are values for the ledger, and texts."""
