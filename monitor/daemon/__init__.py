"""The daemon: wires the rooms together and turns the loop. What decides lives elsewhere."""
