"""From chunks of text to one vector per metric and group, in bounded memory."""
