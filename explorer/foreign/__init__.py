"""Files that somebody else made: read with limits, checked for what they ask for, and opened out of reach."""
