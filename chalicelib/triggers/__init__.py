"""What AWS calls by itself: the jobs table's stream, and the clock."""
