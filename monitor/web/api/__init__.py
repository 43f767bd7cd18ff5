"""The routes of the API, one file for each reader. Each method reads, asks the desk, and answers."""
