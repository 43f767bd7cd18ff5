"""An incident as one alert of a PagerDuty service, through the Events API v2."""
