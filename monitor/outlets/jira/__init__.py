"""Jira, Cloud and Data Center: a site, its tickets, its two dialects, and the choice of a transition."""
