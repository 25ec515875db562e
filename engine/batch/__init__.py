"""Many pictures: found in folders and lists, worked on one by one, in order, and never twice."""
