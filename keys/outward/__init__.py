"""With which secrets others are called, and where a call of ours may go."""
