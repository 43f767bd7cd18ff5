"""Where state lives: events, incidents and effects in the ledger; what may be lost, in the history beside it."""
