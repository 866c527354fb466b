"""Named questions in the words of the domain; records come out."""
