"""What would have happened: the past, or an invented one, judged by the very rules that the daemon lives by."""
