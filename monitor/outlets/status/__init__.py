"""What the public is told, as files of our own: a page for people, JSON for programs, a feed."""
