"""What blackbox_exporter asks of a target that it is given, and what it says of the answer."""
