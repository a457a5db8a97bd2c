"""What evaluation in passes and matched training cost, side by side with the loops that a user would write."""
