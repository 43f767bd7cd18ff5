"""Every decision, with time passed in. No clock, no I/O, no logging: what is here can be run in a REPL."""
