"""What an admin does, by whichever way: who may, how it is done, and how it is written down."""
