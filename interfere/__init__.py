"""Which languages hurt each other in a multilingual model, where in the network, and how surely."""
