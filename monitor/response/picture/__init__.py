"""A picture of what was measured before an incident: composed once, written as SVG and as PNG."""
