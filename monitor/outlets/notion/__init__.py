"""Pages of a Notion data source: a site, its schema, its tickets, and the box that holds our text."""
