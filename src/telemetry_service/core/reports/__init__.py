"""What is read: answers computed from counts, the same way for published and for exact ones."""
