"""Pages by e-mail and by the hundred other ways that apprise knows, in a process of their own."""
