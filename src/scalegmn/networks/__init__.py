"""What a network is, before it is a graph: layers, parameters, neurons, files."""
