"""Results of analyses: their document, and the folder that they are stored in."""
