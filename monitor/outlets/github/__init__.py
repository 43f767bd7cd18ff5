"""Issues of a GitHub repository: a site, and its tickets."""
