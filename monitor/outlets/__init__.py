"""Where effects go: trackers, chat, pages. An outlet says what became of one delivery; the worker decides what follows."""
