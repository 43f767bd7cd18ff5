"""Where effects go: trackers, chat, pages. An outlet says what became of it; the worker decides what is next."""
