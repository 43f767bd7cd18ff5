"""What the public is told, as an incident of a page of Atlassian Statuspage, API version 1."""
