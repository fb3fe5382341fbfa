"""Tables that were published, as JSON files with the numbers as they are printed, and how they become rows."""
