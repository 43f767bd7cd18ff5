"""Our Markdown in the languages of trackers. What a target said may stand in any of it, so nothing is trusted."""
