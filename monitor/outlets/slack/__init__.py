"""Threads in a Slack channel: a site, and an incident's thread as its ticket."""
